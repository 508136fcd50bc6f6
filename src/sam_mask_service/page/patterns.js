// Patterns that stand for what is not a colour: stripes for what will be painted anew, checks for what is transparent.

export function tile(draw, side) {
  const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
  draw(canvas.getContext('2d'), side);
  return canvas;
}

export const stripes = (context, side) => {
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

export const checks = (context, side) => {
  context.fillStyle = '#fff';
  context.fillRect(0, 0, side, side);
  context.fillStyle = '#c9ced4';
  context.fillRect(0, 0, side / 2, side / 2);
  context.fillRect(side / 2, side / 2, side / 2, side / 2);
};
