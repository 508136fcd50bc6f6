// The mask as the page shows it: what the service drew, and the user's strokes over it. Its canvas is white, with the mask as alpha.

const SIDE = 2600; // pixels of the longer side at most: what is shown, not what is saved

export class Shape {
  constructor() {
    this.base = document.createElement('canvas');
    this.canvas = document.createElement('canvas');
  }

  // Empty, for a picture of this size.
  clear(width, height) {
    this.scale = Math.min(1, SIDE / Math.max(width, height));
    for (const c of [this.base, this.canvas]) {
      c.width = Math.max(1, Math.round(width * this.scale));
      c.height = Math.max(1, Math.round(height * this.scale));
    }
  }

  // Takes a grey picture, white = masked. Answers with the masked share of the picture.
  async set(blob, strokes) {
    const bitmap = await createImageBitmap(blob);
    const { width, height } = this.base;
    const context = this.base.getContext('2d', { willReadFrequently: true });
    context.globalCompositeOperation = 'copy';
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    const image = context.getImageData(0, 0, width, height);
    const pixels = new Uint32Array(image.data.buffer);
    let inside = 0;
    for (let i = 0; i < pixels.length; i += 1) {
      const value = pixels[i] & 255;
      inside += value;
      pixels[i] = ((value << 24) | 0xffffff) >>> 0;
    }
    context.putImageData(image, 0, 0);
    this.again(strokes);
    return inside / 255 / (width * height);
  }

  empty(strokes) {
    this.base.width = this.base.width; // setting it clears
    this.again(strokes);
  }

  again(strokes) {
    const context = this.canvas.getContext('2d');
    context.globalCompositeOperation = 'copy';
    context.drawImage(this.base, 0, 0);
    for (const stroke of strokes) this.add(stroke);
  }

  // Paints a stroke, or what it gained since its point ``from``.
  add(stroke, from = 0) {
    const context = this.canvas.getContext('2d');
    context.globalCompositeOperation = stroke.add ? 'source-over' : 'destination-out';
    trace(context, stroke, '#fff', [this.scale, this.scale, 0, 0], from);
  }
}

// A stroke's line. ``place``: scale and offset from the picture to the canvas.
export function trace(context, { size, points }, colour, [sx, sy, ox, oy], from = 0) {
  context.save();
  context.setTransform(sx, 0, 0, sy, ox, oy);
  Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: size, lineCap: 'round', lineJoin: 'round' });
  context.beginPath();
  const part = points.slice(Math.max(0, from - 1));
  if (part.length === 1) {
    context.arc(...part[0], size / 2, 0, 2 * Math.PI);
    context.fill();
  } else {
    part.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
  context.restore();
}
