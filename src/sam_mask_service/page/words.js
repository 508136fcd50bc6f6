// What the page says: errors, warnings and engines in words that name what stands on the page.

const ERRORS = {
  no_face: 'No face was found. Tick “Look harder” under Faces, or draw a box around what you want.',
  all_off: 'All faces are switched off.',
  face_not_found: 'One of these faces is no longer found. Choose the picture again.',
  image_not_found: 'The service has forgotten this picture. Choose it again.',
  not_kept: 'The service does not keep this picture: points and a box do not work on it. Paint instead.',
  key_missing: 'This service asks for a key: type it under “API key”.',
  key_wrong: 'That is not the service’s key. Type the right one under “API key”.',
  too_many_requests: 'Too many wrong keys came from here. Wait a minute, then try again.',
  too_large: 'The picture’s file is larger than this service takes. Make it smaller, then choose it again.',
  image_too_many_pixels: 'The picture has more pixels than this service takes. Make it smaller, then choose it again.',
  unsupported_media: 'This file is not a picture that the service can read: JPEG, PNG, WebP and the like.',
  image_unreadable: 'The picture is damaged or cut off: it cannot be read.',
  region_unavailable: 'The engine that serves now cannot draw this region. Choose another one under Shape.',
  busy: 'The service has too much to do. Wait a moment, then try again.',
  draining: 'The service is being stopped.',
  starting: 'The service is still starting. Try again in a moment.',
  deadline: 'That took longer than this service allows. Try a smaller picture.',
  forbidden_origin: 'The service refuses this page: the proxy in front of it must pass the Host header on.',
};

export const errorText = (code, text) => ERRORS[code] || text;

const WARNINGS = {
  touches_border: 'a face touches the picture’s edge',
  tiny_face: 'a face is very small',
  low_confidence: 'a face is not sure to be one',
  more_faces: 'there are more faces than one answer holds',
  residual_faces: 'faces can still be found',
  weaker_detector: 'the better face detector (YuNet) is not here yet: more may be missed',
  segmenter_disagreed: 'SAM saw something else, the mesh’s outline is used',
};

export const warningText = (name) => WARNINGS[name] || name.replaceAll('_', ' ');

export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

const NAMES = { sam: 'SAM', mesh: 'Mesh engine' };
const MODELS = { mobile_sam: 'MobileSAM', vit_b: 'ViT-B', vit_l: 'ViT-L', vit_h: 'ViT-H' };

// /health in a line, and in sentences. Without the key there is no engine in it.
export function engineText(health) {
  if (!health?.engine) return { line: '', full: '' };
  const name = NAMES[health.engine] || health.engine;
  const model = health.engine === 'sam' && health.model ? ` · ${MODELS[health.model] || health.model}` : '';
  const loading = ['downloading', 'loading'].includes(health.sam?.state) && health.engine !== 'sam';
  const percent = loading && Number.isFinite(health.sam.percent) ? ` ${Math.round(health.sam.percent)} %` : '';
  const missing = health.engine !== 'sam' && health.reason ? `, SAM is ${loading ? `coming${percent}` : 'not there'}` : '';
  const full = [`Masks are drawn by ${name === 'SAM' ? name : `the ${name.toLowerCase()}`}${model} on ${health.device}; faces are found by ${health.detector}.`, health.reason || ''];
  return { line: `${name}${model}${missing}`, full: full.join(' ').trim() };
}
