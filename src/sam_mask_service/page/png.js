// PNG with 8 bits a channel, read and written byte for byte: a canvas would lose the colours that lie under transparency.

const CHANNELS = { 0: 1, 2: 3, 4: 2, 6: 4 }; // by colour type
const TYPES = { 1: 0, 2: 4, 3: 2, 4: 6 };
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

export function crc32(bytes, start = 0) {
  let c = ~start >>> 0;
  for (let i = 0; i < bytes.length; i += 1) c = TABLE[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}

const through = (bytes, stream) => new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer();

// { width, height, channels, data }: data has height × width × channels bytes. Throws for a PNG of another kind.
export async function readPng(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const [width, height, channels] = [view.getUint32(16), view.getUint32(20), CHANNELS[bytes[25]]];
  if (SIGNATURE.some((b, i) => bytes[i] !== b) || bytes[24] !== 8 || !channels || bytes[28]) throw new Error('not a PNG of 8 bits a channel');
  const parts = [];
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49444154) parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  const packed = await new Blob(parts).arrayBuffer();
  return { width, height, channels, data: unfilter(new Uint8Array(await through(packed, new DecompressionStream('deflate'))), width, height, channels) };
}

const NONE = () => 0;
const PREDICT = [NONE, (a) => a, (a, b) => b, (a, b) => (a + b) >> 1, paeth]; // from left, up, corner

function unfilter(raw, width, height, channels) {
  const line = width * channels;
  const out = new Uint8Array(height * line);
  for (let y = 0; y < height; y += 1) {
    const predict = PREDICT[raw[y * (line + 1)]];
    const from = y * (line + 1) + 1;
    const to = y * line;
    for (let x = 0; x < line; x += 1) {
      const left = x >= channels;
      out[to + x] = raw[from + x] + predict(
        left ? out[to + x - channels] : 0, y ? out[to + x - line] : 0, left && y ? out[to + x - line - channels] : 0);
    }
  }
  return out;
}

function paeth(a, b, c) {
  const pa = Math.abs(b - c);
  const pb = Math.abs(a - c);
  const pc = Math.abs(a + b - 2 * c);
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

export async function writePng({ width, height, channels, data }) {
  const line = width * channels;
  const raw = new Uint8Array(height * (line + 1));
  for (let y = 0; y < height; y += 1) raw.set(data.subarray(y * line, (y + 1) * line), y * (line + 1) + 1);
  const head = new Uint8Array(13);
  new DataView(head.buffer).setUint32(0, width);
  new DataView(head.buffer).setUint32(4, height);
  head.set([8, TYPES[channels]], 8);
  const body = new Uint8Array(await through(raw, new CompressionStream('deflate')));
  return new Blob([Uint8Array.from(SIGNATURE), chunk('IHDR', head), chunk('IDAT', body), chunk('IEND', new Uint8Array())], { type: 'image/png' });
}

function chunk(name, body) {
  const out = new Uint8Array(12 + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  out.set([...name].map((c) => c.charCodeAt(0)), 4);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}
