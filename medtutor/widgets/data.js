// The arrays of a widget: taken from its state, or asked for by message where they did not arrive whole (Colab).

const ARRAYS = { uint8: Uint8Array, int16: Int16Array, float32: Float32Array, float64: Float64Array };
const PATIENCE = [1500, 15000]; // milliseconds until base64 is asked for, and until we give up

// Calls ready({name: typed array}) once. Returns a function that stops waiting.
export function receive(model, ready, failed) {
  const { parts, bytes } = model.get("about");
  let timer = null;
  let done = false;

  const take = (buffer) => {
    if (done || !buffer || buffer.byteLength !== bytes) return;
    stop();
    ready(unpack(buffer, parts));
  };
  const state = () => take(contents(model.get("blob")));
  const message = (content, buffers) => {
    if (content?.kind !== "blob") return;
    take(content.base64 ? fromBase64(content.base64) : contents(buffers?.[0]));
  };
  const stop = () => {
    done = true;
    clearTimeout(timer);
    model.off("change:blob", state);
    model.off("msg:custom", message);
  };

  model.on("change:blob", state);
  model.on("msg:custom", message);
  state();
  if (!done) {
    model.send({ kind: "need", form: "buffer" });
    timer = setTimeout(() => {
      model.send({ kind: "need", form: "base64" });
      timer = setTimeout(failed, PATIENCE[1]);
    }, PATIENCE[0]);
  }
  return stop;
}

// A copy that begins at 0, so that every typed array in it is aligned.
function contents(view) {
  if (!view) return null;
  return view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view;
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

function unpack(buffer, parts) {
  return Object.fromEntries(
    parts.map(({ name, dtype, start, size }) => [name, new ARRAYS[dtype](buffer, start, size)]),
  );
}
