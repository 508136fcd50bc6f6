// The user's strokes in the files that are saved: byte for byte outside of them.

import { readPng, writePng } from './png.js';
import { trace } from './shape.js';

// [value, cover] a pixel, each 0…255: value 255 = painted, 0 = erased. ``place``: scale and offset from the picture.
function strokesOn(strokes, width, height, place) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  for (const stroke of strokes) trace(context, stroke, stroke.add ? '#fff' : '#000', place);
  return context.getImageData(0, 0, width, height).data;
}

const WHOLE = [1, 1, 0, 0];
const placed = (t) => (t ? [t.content_width / t.source_width, t.content_height / t.source_height, t.offset_x, t.offset_y] : WHOLE);

// A mask's PNG with the strokes. ``face``: the value of a masked pixel, 0 or 255; ``hard``: only these two occur.
export async function retouchMask(blob, strokes, { face, transform, hard }) {
  const image = await readPng(blob);
  const { width, height, channels, data } = image;
  const marks = strokesOn(strokes, width, height, placed(transform));
  const alpha = channels === 2 || channels === 4;
  for (let p = 0; p < width * height; p += 1) {
    const cover = marks[p * 4 + 3] / 255;
    if (!cover) continue;
    const want = face ? marks[p * 4] : 255 - marks[p * 4];
    for (let c = alpha ? channels - 1 : 0; c < channels; c += 1) {
      const mixed = data[p * channels + c] * (1 - cover) + want * cover;
      data[p * channels + c] = hard ? (mixed >= 128 ? 255 : 0) : Math.round(mixed);
    }
  }
  return writePng(image);
}

// A mask of strokes alone, grey.
export async function blankMask(width, height, strokes, face) {
  const blank = await writePng({ width, height, channels: 1, data: new Uint8Array(width * height).fill(255 - face) });
  return retouchMask(blank, strokes, { face });
}

// A cut-out's PNG with the strokes: painted, the picture shows; erased, the background does (null: transparency).
export async function retouchCut(blob, strokes, { frame: [x, y], picture, background }) {
  const image = await readPng(blob);
  const { width, height, channels, data } = image;
  const marks = strokesOn(strokes, width, height, [1, 1, -x, -y]);
  const behind = background || [0, 0, 0];
  const original = under(picture, width, height, x, y);
  for (let p = 0; p < width * height; p += 1) {
    const [value, cover] = [marks[p * 4] / 255, marks[p * 4 + 3] / 255];
    if (!cover || !original[p * 4 + 3]) continue;
    const old = channels === 4 ? data[p * 4 + 3] / 255 : 1;
    const alpha = old * (1 - cover) + value * cover;
    for (let c = 0; c < 3; c += 1) {
      const kept = channels === 4 && !old ? original[p * 4 + c] : data[p * channels + c];
      const want = channels === 4 ? original[p * 4 + c] : original[p * 4 + c] * value + behind[c] * (1 - value);
      data[p * channels + c] = channels === 4 && !alpha ? 0 : Math.round(kept * (1 - cover * (channels === 4 ? value : 1)) + want * cover * (channels === 4 ? value : 1));
    }
    if (channels === 4) data[p * 4 + 3] = Math.round(alpha * 255);
  }
  return writePng(image);
}

function under(picture, width, height, x, y) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(picture, -x, -y);
  return context.getImageData(0, 0, width, height).data;
}
