// Stop asks once more, and says what happens to the cloud; the dialog opens on the harmless button.
import { post } from "../lib/api.js";
import { many } from "../lib/words.js";
import { html, useRef, useState } from "../vendor/preact.js";

/** @param {{ session: any, small?: boolean }} props */
export const Stop = ({ session, small = true }) => {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [told, tell] = useState("");
  const ending = ["stopping", "removing"].includes(session.state);
  const level = ending ? "leave_to_reaper" : "now";
  const marks = session.marks ?? "";
  const done = [...marks].filter((c) => !"r.".includes(c)).length;
  const open = marks.length - done;
  const send = async () => {
    try {
      tell((await post(`/sessions/${session.sid}/stop`, { level })).sentence);
      ref.current?.close();
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
  };
  return html`
    <button class=${`btn stop${small ? " small" : ""}`} onClick=${() => ref.current?.showModal()}>${ending ? "Leave…" : "Stop…"}</button>
    <dialog ref=${ref} aria-label="Stop the session"><div class="in">
      <div><h2>${ending ? "Leave the rest to the background?" : `Stop ${session.scenarios.join(", ") || "the session"}?`}</h2>
        <p class="soft">${ending ? "The session ends in seconds. A process in the background removes what is still on the cloud." : "The point that runs is not judged. Everything that the session made is removed; that takes a while, and closing this page changes nothing."}</p></div>
      <dl class="facts one">
        <div><dt>Kept in any case</dt><dd>results of ${many(done, "point")}</dd></div>
        <div><dt>Not run</dt><dd>${many(open, "point")}</dd></div>
        <div><dt>Exit code</dt><dd>2, the run was interrupted</dd></div></dl>
      ${told && html`<p role="status">${told}</p>`}
      <p class="small soft">To only stop looking, close the page: the run goes on without it.</p>
      <div class="actions"><button class="btn" autofocus onClick=${() => ref.current?.close()}>Keep running</button><button class="btn stop sure" onClick=${send}>${ending ? "Leave it" : "Stop and remove"}</button></div>
    </div></dialog>`;
};
