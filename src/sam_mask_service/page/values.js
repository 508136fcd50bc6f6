// What the controls say, as the parameters of a request.

export const $ = (id) => document.getElementById(id);
export const number = (id) => Number($(id).value);
export const task = () => document.querySelector('input[name=task]:checked').value;

const UNITS = { expand: ' px', smooth: '', feather: ' px', strength: ' %', padding: ' %' };

// Until somebody moves it, the aspect's own measure holds.
const padded = () => $('padding').dataset.moved === 'yes';

export function units() {
  for (const [id, unit] of Object.entries(UNITS)) document.querySelector(`output[for=${id}]`).textContent = $(id).value + unit;
  if (!padded()) document.querySelector('output[for=padding]').textContent = 'auto';
}

export const region = () => $('region').value.trim() || $('region').placeholder || 'face';
const shape = () => ({
  region: region(), expand_pixels: number('expand'), blur_iterations: number('smooth'),
  feather_pixels: number('feather'), ...($('matte').checked ? { matte: true } : {}),
});
const chosen = (stage) => (stage.chosen.size ? { faces: [...stage.chosen].sort((a, b) => a - b) } : {});

// What was switched on, or what the user drew around where nothing was found.
export function maskValues(stage) {
  const values = { mode: 'combined', ...(stage.box ? { box: stage.box } : chosen(stage)), ...shape() };
  if (stage.points.length) values.points = stage.points;
  return values;
}

function downloadValues(stage) {
  const target = $('target').value;
  return target ? { ...maskValues(stage), target, edit: $('edit').value } : { ...maskValues(stage), invert: $('invert').checked };
}

function hideValues(stage) {
  const kept = stage.faces.filter((face) => !stage.chosen.has(face.face_id));
  const middles = kept.map(({ bbox: b }) => [b.x + b.width / 2, b.y + b.height / 2]); // numbers differ where it looks harder
  return { method: $('method').value, strength: number('strength') / 100, ...(kept.length ? { except_points: middles } : {}) };
}

function cutValues(stage) {
  const background = $('background').value === 'colour' ? $('colour').value : $('background').value;
  return { ...chosen(stage), ...shape(), background, aspect: $('aspect').value, padding: padded() ? number('padding') / 100 : undefined };
}

// ``shape``: what the sliders begin with: a mask to repaint in is wider than a face, a cut-out is not.
export const TASKS = {
  mask: { path: '/create_mask', values: downloadValues, file: 'mask', shape: { expand: 5, smooth: 10, feather: 0 } },
  anonymize: { path: '/anonymize', values: hideValues, file: 'anonymised' },
  cutout: { path: '/cutout', values: cutValues, file: 'cutout', shape: { expand: 0, smooth: 10, feather: 3 } },
};
