// The exported decoders, run by ONNX Runtime Web. All of it lies in this page: assets
// are gzip in base64, each in a script element of its own.

async function unpack(id) {
  const text = atob(document.getElementById(id).textContent);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

let runtime = null;

async function loadRuntime() {
  const source = new Blob([await unpack("runtime-script")], { type: "text/javascript" });
  const address = URL.createObjectURL(source);
  const ort = await import(address);
  URL.revokeObjectURL(address);
  ort.env.wasm.wasmBinary = (await unpack("runtime-wasm")).buffer;
  // More threads need headers that a file on the disk cannot send.
  ort.env.wasm.numThreads = 1;
  return ort;
}

// One run's decoder: noise of every layer in, pictures out.
class Decoder {
  static async open(run) {
    runtime ??= loadRuntime();
    const ort = await runtime;
    const session = await ort.InferenceSession.create(await unpack(run.asset));
    const decoder = new Decoder(ort, session, run);
    await decoder.decode([run.start]); // the first time takes longest
    return decoder;
  }

  constructor(ort, session, run) {
    Object.assign(this, { ort, session, run });
    this.queue = Promise.resolve();
  }

  // codes: for each picture, an array of values per layer, bottom layer first.
  // Gives one Float32Array (C * H * W) per picture, in (0, 1).
  async decode(codes) {
    const inputs = {};
    this.run.latents.forEach((size, layer) => {
      const values = new Float32Array(codes.length * size);
      codes.forEach((code, i) => values.set(code[layer], i * size));
      inputs[`noise_${layer + 1}`] = new this.ort.Tensor("float32", values, [codes.length, size]);
    });
    // A session computes one thing at a time.
    const turn = this.queue.then(() => this.session.run(inputs));
    this.queue = turn.catch(() => {});
    const { image } = await turn;
    const size = image.data.length / codes.length;
    return codes.map((_, i) => image.data.subarray(i * size, (i + 1) * size));
  }

  async close() {
    await this.queue;
    await this.session.release();
  }
}

// Draw a picture (C * H * W, in [0, 1]) at x, y of a canvas, pixel by pixel.
function paint(canvas, picture, [channels, height, width], x = 0, y = 0) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const area = height * width;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      // Writing rounds to the nearest of 256 levels, halves to the even one.
      pixels.data[4 * i + c] = 255 * picture[(c % channels) * area + i];
    }
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, x, y);
}
