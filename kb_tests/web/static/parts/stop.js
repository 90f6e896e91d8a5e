// Stop asks once more, and says what becomes of the cloud; the dialog opens on the harmless button.
import { post } from "../lib/api.js";
import { many } from "../lib/words.js";
import { html, useRef, useState } from "../vendor/preact.js";

/** The ways to stop, while points run and while things are removed already. @type {Record<string, [string, string, string][]>} */
const WAYS = {
  running: [
    ["finish_point", "After this point", "it is judged, no other one begins, then everything is removed"],
    ["now", "Now", "the point that runs is not judged; everything that the session made is removed"],
  ],
  ending: [["leave_to_reaper", "Leave the rest to the background", "the session ends in seconds, and a process in the background removes what is still on the cloud"]],
};
const BUTTONS = /** @type {Record<string, string>} */ ({ finish_point: "Stop after this point", now: "Stop and remove", leave_to_reaper: "Leave it" });

/** @param {{ session: any, small?: boolean }} props */
export const Stop = ({ session, small = true }) => {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [told, tell] = useState("");
  const [group] = useState(() => `stop-${crypto.randomUUID()}`);
  /** What it did when the dialog was opened: a button does not come to mean something else under somebody's hand. */
  const [opened, open] = useState("");
  const state = opened || session.state;
  const ending = ["stopping", "removing"].includes(state);
  const ways = WAYS[ending ? "ending" : "running"].filter(([level]) => level !== "finish_point" || state === "running");
  const [wanted, want] = useState("now");
  const level = ways.some(([one]) => one === wanted) ? wanted : ways[0][0];
  const marks = session.marks ?? "";
  const done = [...marks].filter((c) => !"r.".includes(c)).length;
  const judged = done + (level === "finish_point" ? 1 : 0);
  const send = async () => {
    try {
      tell((await post(`/sessions/${session.sid}/stop`, { level })).sentence);
      ref.current?.close();
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
  };
  const what = session.scenarios.join(", ") || "the session";
  return html`
    <button class=${`btn stop${small ? " small" : ""}`} data-stop="" onClick=${() => { tell(""); open(session.state); ref.current?.showModal(); }}>${["stopping", "removing"].includes(session.state) ? "Leave…" : "Stop…"}</button>
    <dialog ref=${ref} aria-label="Stop the session" onClose=${() => open("")}><div class="in">
      <div><h2>${ending ? `${what} is being removed` : `Stop ${what}?`}</h2>${session.finishing && !ending && html`<p class="soft">It was asked already to end after this point.</p>`}</div>
      <div class="pick" role="radiogroup" aria-label="How">${ways.map(([one, title, says]) => html`<label><input type="radio" name=${group} checked=${one === level} onChange=${() => want(one)} /><span><b>${title}</b> <span class="soft">${says}</span></span></label>`)}</div>
      <dl class="facts one">
        <div><dt>Kept in any case</dt><dd>results of ${many(judged, "point")}</dd></div>
        <div><dt>Not run</dt><dd>${many(Math.max(0, marks.length - judged), "point")}</dd></div>
        <div><dt>Exit code</dt><dd>2, the run was interrupted</dd></div></dl>
      ${told && html`<p role="status">${told}</p>`}
      <p class="small soft">To only stop looking, close the page: the run goes on without it.</p>
      <div class="actions"><button class="btn" autofocus onClick=${() => ref.current?.close()}>Keep running</button><button class="btn stop sure" onClick=${send}>${BUTTONS[level]}</button></div>
    </div></dialog>`;
};
