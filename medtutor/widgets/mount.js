import { receive } from "./data.js";
import { element, frame, write } from "./parts.js";

// The render function of a widget: its frame, a word of patience until the arrays are here, then
// start(model, root, about, arrays), which draws and returns a function that stops it. `what` is plural.
export function mount(what, start) {
  return ({ model, el }) => {
    const about = model.get("about");
    const root = frame(el, about);
    const wait = element("div", { class: "mt-wait" }, `${what} are on their way ...`);
    root.append(wait);
    let stop = () => {};
    const stopWaiting = receive(
      model,
      (arrays) => {
        wait.remove();
        stop = start(model, root, about, arrays);
      },
      () => write(wait, `${what} did not arrive. Run this cell again.`),
    );
    return () => {
      stopWaiting();
      stop();
    };
  };
}
