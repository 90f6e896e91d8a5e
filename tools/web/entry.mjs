// What the pages take from Preact, as one module: bare names cannot be resolved by a browser without an import map,
// and that would have to stand in the page as a script.
import htm from "htm";
import { h } from "preact";

export { computed, effect, signal } from "@preact/signals";
export { h, render } from "preact";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export const html = htm.bind(h);
