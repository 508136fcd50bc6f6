// Ways in which pictures come: chosen, photographed, dropped, pasted, by address, or the sample.

import { ServiceError, address } from './api.js';
import { $ } from './form.js';

const PICTURE = /\.(jpe?g|png|webp|gif|bmp|avif|heic|heif|tiff?)$/i; // some systems give HEIC no type
const isPicture = (file) => file.type.startsWith('image/') || PICTURE.test(file.name);
const sources = (files) => [...files].map((file) => ({ name: file.name || 'picture.png', file }));

// take([source], add); fail(error).
export function listen(take, fail) {
  let add = false;
  for (const id of ['file', 'camera']) {
    const chosen = () => {
      const found = sources($(id).files);
      $(id).value = ''; // the same file may be chosen again
      take(found, add);
      add = false;
    };
    $(id).addEventListener('change', chosen);
    if ($(id).files.length) chosen(); // somebody was faster than these scripts
  }
  $('other').addEventListener('click', () => $('file').click());
  $('more').addEventListener('click', () => { add = true; $('file').click(); });
  $('file').addEventListener('cancel', () => { add = false; });
  $('sample').addEventListener('click', () => sample(take).catch(fail));
  $('byaddress').addEventListener('submit', (event) => {
    event.preventDefault();
    byAddress($('address').value, take, fail);
  });
  listenToDrops(take, fail);
  document.addEventListener('paste', (event) => paste(event, take, fail));
}

async function sample(take) {
  const blob = await (await fetch(address('static/sample.jpg'))).blob();
  take([{ name: 'sample.jpg', file: new File([blob], 'sample.jpg', { type: 'image/jpeg' }) }]);
}

// The service fetches it: the page itself speaks to no other host.
function byAddress(text, take, fail) {
  let url;
  try { url = new URL(text.trim()); } catch { /* below */ }
  if (!url || !/^https?:$/.test(url.protocol)) return fail(new ServiceError('That is no address of a picture: it begins with https://.', 'no_address', 0));
  return take([{ name: nameOf(url), url: url.href }]);
}

function nameOf({ pathname, hostname }) {
  const last = pathname.split('/').pop();
  try { return decodeURIComponent(last) || hostname; } catch { return last; } // "100%.jpg" is an address too
}

function listenToDrops(take, fail) {
  const drag = (event, on) => { event.preventDefault(); document.body.classList.toggle('dragging', on); };
  document.addEventListener('dragover', (event) => drag(event, true));
  document.addEventListener('dragleave', (event) => drag(event, false));
  document.addEventListener('drop', (event) => {
    drag(event, false);
    const files = [...event.dataTransfer.files].filter(isPicture);
    const url = event.dataTransfer.getData('text/uri-list').split('\n')[0];
    if (files.length) take(sources(files));
    else if (url) byAddress(url, take, fail);
    else if (event.dataTransfer.files.length) fail(new ServiceError('That is not a picture.', 'not_picture', 0));
  });
}

function paste(event, take, fail) {
  const files = [...(event.clipboardData?.files || [])].filter(isPicture);
  if (files.length) { take(sources(files)); return; }
  if (event.target.matches?.('input, textarea')) return;
  const text = event.clipboardData?.getData('text/plain').trim() || '';
  if (/^https?:\/\/\S+$/.test(text)) byAddress(text, take, fail);
}
