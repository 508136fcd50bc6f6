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

const region = () => $('region').value + ($('without').value ? `,-${$('without').value}` : '');
const shape = () => ({
  region: region(), expand_pixels: number('expand'), blur_iterations: number('smooth'),
  feather_pixels: number('feather'), ...($('matte').checked ? { matte: true } : {}),
});
const chosen = (subject) => (subject.chosen.size && !subject.everything ? { faces: [...subject.chosen].sort((a, b) => a - b) } : {});

// A subject: { faces, chosen, points, box, hide, strokes }, as the workspace has them, or one of several pictures; ``everything``: all faces
// that there are, known or not.
// Whether it leaves the service anything to mask: with no face on it would take them all.
export const asks = ({ faces, chosen: on, points, box, everything }) =>
  Boolean(everything || on.size || box || (!faces.length && points.length));

// What was switched on, or what the user drew around where nothing was found.
export function maskValues(subject) {
  const values = { mode: 'combined', ...(subject.box ? { box: subject.box } : chosen(subject)), ...shape() };
  if (subject.points.length) values.points = subject.points;
  return values;
}

function downloadValues(subject) {
  const target = $('target').value;
  return target ? { ...maskValues(subject), target, edit: $('edit').value } : { ...maskValues(subject), invert: $('invert').checked };
}

function hideValues(subject) {
  const kept = subject.everything ? [] : subject.faces.filter((face) => !subject.chosen.has(face.face_id));
  const middles = kept.map(({ bbox: b }) => [b.x + b.width / 2, b.y + b.height / 2]); // numbers differ where it looks harder
  return { method: $('method').value, strength: number('strength') / 100, recall: 'high', ...(kept.length ? { except_points: middles } : {}), ...(subject.hide?.length ? { boxes: subject.hide } : {}) };
}

export const background = () => ($('background').value === 'colour' ? $('colour').value : $('background').value);

function cutValues(subject) {
  const padding = padded() ? number('padding') / 100 : undefined;
  return { ...chosen(subject), ...shape(), background: background(), aspect: $('aspect').value, padding };
}

// ``shape``: what the sliders begin with: a mask to repaint in is wider than a face, a cut-out is not.
export const TASKS = {
  mask: { path: 'create_mask', values: downloadValues, file: 'mask', shape: { expand: 5, smooth: 10, feather: 0 } },
  anonymize: { path: 'anonymize', values: hideValues, file: 'anonymised' },
  cutout: { path: 'cutout', values: cutValues, file: 'cutout', shape: { expand: 0, smooth: 10, feather: 3 } },
};
