// What stands on the canvas, layer by layer. ``stage.view`` places everything; lines and letters keep their size at every zoom.

import { trace } from './shape.js';

const TINT = '#ff2d6b';
const VEIL = '#05080c';
const COLOURS = { on: '#ffd23f', off: '#d7dde5', add: '#18c964', remove: '#ff3b30' };

const place = ({ view: { scale, x, y } }, unit) => [scale * unit, 0, 0, scale * unit, x * unit, y * unit];
const screen = ({ view: { scale, x, y } }, [px, py]) => [px * scale + x, py * scale + y];
export const unit = () => devicePixelRatio || 1;

function world(context, stage) { context.setTransform(...place(stage, unit())); }
function pixels(context) { context.setTransform(unit(), 0, 0, unit(), 0, 0); }

export function clear(stage) {
  const { context, canvas } = stage;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
}

export function picture(stage, context = stage.context) {
  world(context, stage);
  context.imageSmoothingEnabled = stage.view.scale * unit() < 3;
  context.imageSmoothingQuality = 'high';
  const source = stage.view.scale * unit() > stage.small.width / stage.width ? stage.picture : stage.small;
  context.drawImage(source, 0, 0, stage.width, stage.height);
}

function mask(stage, context) {
  world(context, stage);
  context.imageSmoothingEnabled = true;
  context.drawImage(stage.shape.canvas, 0, 0, stage.width, stage.height);
}

// ``fill`` where the mask is, or (``outside``) where it is not, as a sheet to lay over the canvas.
function stencil(stage, fill, outside) {
  const { sheet, canvas } = stage;
  Object.assign(sheet, { width: canvas.width, height: canvas.height });
  const context = sheet.getContext('2d');
  const all = () => { world(context, stage); context.fillStyle = fill; context.fillRect(0, 0, stage.width, stage.height); };
  if (outside) all();
  else mask(stage, context);
  context.globalCompositeOperation = outside ? 'destination-out' : 'source-in';
  if (outside) mask(stage, context);
  else all();
  return sheet;
}

function lay(stage, sheet, alpha = 1) {
  const { context } = stage;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = alpha;
  context.drawImage(sheet, 0, 0);
  context.globalAlpha = 1;
}

function pattern(draw, side) {
  const tile = Object.assign(document.createElement('canvas'), { width: side, height: side });
  draw(tile.getContext('2d'), side);
  return tile;
}

const stripes = (context, side) => {
  context.fillStyle = '#8b95a1';
  context.fillRect(0, 0, side, side);
  context.fillStyle = '#5f6975';
  context.beginPath();
  for (const x of [-side, 0, side]) {
    context.moveTo(x, side);
    context.lineTo(x + side, 0);
    context.lineTo(x + side * 1.5, 0);
    context.lineTo(x + side / 2, side);
  }
  context.fill();
};

const checks = (context, side) => {
  context.fillStyle = '#fff';
  context.fillRect(0, 0, side, side);
  context.fillStyle = '#c9ced4';
  context.fillRect(0, 0, side / 2, side / 2);
  context.fillRect(side / 2, side / 2, side / 2, side / 2);
};

// A pattern that keeps its size on the screen at every zoom.
function fixed(stage, draw, side) {
  const made = stage.context.createPattern(pattern(draw, Math.round(side * unit())), 'repeat');
  made.setTransform(new DOMMatrix(place(stage, unit())).inverse());
  return made;
}

// The views of a mask. ``stage.look``: { view, opacity 0…1, face, rest } with what the file has there: black, white, transparent, opaque.
export const VIEWS = {
  overlay(stage) {
    const { opacity } = stage.look;
    lay(stage, stencil(stage, VEIL, true), Math.min(1, opacity * 0.75));
    lay(stage, stencil(stage, TINT, false), Math.min(1, opacity * 0.9));
  },
  mask(stage) {
    const { face, rest } = stage.look;
    for (const [kind, outside] of [[rest, true], [face, false]]) {
      if (kind !== 'opaque') lay(stage, stencil(stage, kind === 'transparent' ? fixed(stage, checks, 16) : kind, outside));
    }
  },
  repaint(stage) {
    lay(stage, stencil(stage, fixed(stage, stripes, 12), stage.look.changes === 'rest'));
  },
  picture() {},
};

// Before on the left of the line, after on the right.
export function result(stage) {
  const { context, frame: [x, y, w, h], split } = stage;
  const edge = x + (w * split) / 100;
  context.globalAlpha = 0.22;
  picture(stage);
  context.globalAlpha = 1;
  const part = (from, to, draw) => {
    context.save();
    world(context, stage);
    context.beginPath();
    context.rect(from, y, to - from, h);
    context.clip();
    context.clearRect(from, y, to - from, h);
    draw();
    context.restore();
  };
  part(x, edge, () => picture(stage));
  part(edge, x + w, () => {
    context.fillStyle = fixed(stage, checks, 16);
    context.fillRect(x, y, w, h);
    context.drawImage(stage.result, x, y, w, h);
  });
  if (stage.stroke) stroke(stage);
}

function stroke(stage) {
  const { context, view: { scale, x, y } } = stage;
  const u = unit();
  context.globalAlpha = 0.55;
  trace(context, stage.stroke, stage.stroke.add ? COLOURS.add : COLOURS.remove, [scale * u, scale * u, x * u, y * u]);
  context.globalAlpha = 1;
}

// The line between before and after, with its handle.
export function divider(stage) {
  const { context, view, frame: [fx, fy, fw, fh], split } = stage;
  const [x, top] = screen(stage, [fx + (fw * split) / 100, fy]);
  const low = Math.max(0, top);
  const high = Math.min(view.height, top + fh * view.scale);
  const middle = (low + high) / 2;
  pixels(context);
  Object.assign(context, { fillStyle: '#fff', strokeStyle: '#0008', lineWidth: 1 });
  context.fillRect(x - 1.5, low, 3, high - low);
  context.beginPath();
  context.arc(x, middle, 17, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.fillStyle = '#111';
  context.beginPath();
  for (const side of [-1, 1]) {
    context.moveTo(x + side * 11, middle);
    context.lineTo(x + side * 4, middle - 5);
    context.lineTo(x + side * 4, middle + 5);
  }
  context.fill();
}

export function faces(stage) {
  const { context, view: { scale } } = stage;
  pixels(context);
  context.font = '600 14px system-ui, sans-serif';
  context.textBaseline = 'top';
  for (const { face_id: id, bbox: b } of stage.faces) {
    const on = stage.chosen.has(id);
    const [x, y] = screen(stage, [b.x, b.y]);
    const label = on ? `${id + 1}` : `${id + 1} off`;
    const width = context.measureText(label).width + 10;
    const top = Math.max(0, y - 20);
    Object.assign(context, { lineWidth: 2, strokeStyle: on ? COLOURS.on : COLOURS.off, fillStyle: on ? COLOURS.on : COLOURS.off });
    context.setLineDash(on ? [] : [6, 5]);
    if (!on || !stage.result) context.strokeRect(x, y, b.width * scale, b.height * scale); // a result is to be seen
    context.fillRect(x - 1, top, width, 20);
    context.fillStyle = '#111';
    context.fillText(label, x + 4, top + 3);
  }
  context.setLineDash([]);
}

// The user's box, or the one that is being drawn.
export function box(stage) {
  const { context, view: { scale } } = stage;
  const shown = stage.rubber || (stage.hides ? null : stage.box);
  if (!shown) return;
  pixels(context);
  Object.assign(context, { lineWidth: 2.5, strokeStyle: COLOURS.add });
  context.setLineDash(stage.rubber ? [6, 5] : []);
  context.strokeRect(...screen(stage, shown), shown[2] * scale, shown[3] * scale);
  context.setLineDash([]);
}

// While a picture is being anonymised: the boxes that are hidden too, and (red) the faces that the second look still found.
export function hidden(stage) {
  if (!stage.hides) return;
  const { context, view: { scale } } = stage;
  pixels(context);
  for (const [boxes, colour] of [[stage.hide, COLOURS.add], [stage.left, COLOURS.remove]]) {
    Object.assign(context, { lineWidth: 2.5, strokeStyle: colour });
    for (const each of boxes) context.strokeRect(...screen(stage, each), each[2] * scale, each[3] * scale);
  }
}

export function points(stage) {
  const { context } = stage;
  pixels(context);
  for (const [px, py, sign] of stage.points) {
    const [x, y] = screen(stage, [px, py]);
    Object.assign(context, { fillStyle: sign ? COLOURS.add : COLOURS.remove, strokeStyle: '#fff', lineWidth: 2 });
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.beginPath();
    cross(context, x, y, 4, sign);
    context.stroke();
  }
}

function cross(context, x, y, arm, both = true) {
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  if (!both) return;
  context.moveTo(x, y - arm);
  context.lineTo(x, y + arm);
}

// The keyboard's cross, and the ring that says how large the brush is.
export function pointer(stage) {
  const { context, view: { scale } } = stage;
  pixels(context);
  const rings = [['#000', []], ['#fff', [4, 4]]];
  const twice = (trail) => rings.forEach(([colour, dash]) => {
    Object.assign(context, { strokeStyle: colour, lineWidth: 2 });
    context.setLineDash(dash);
    context.beginPath();
    trail();
    context.stroke();
  });
  if (stage.cross) twice(() => cross(context, ...screen(stage, stage.cross), 14));
  const at = stage.brush && (stage.hover || stage.cross);
  if (at) twice(() => context.arc(...screen(stage, at), (stage.brush * scale) / 2, 0, 2 * Math.PI));
  context.setLineDash([]);
}
