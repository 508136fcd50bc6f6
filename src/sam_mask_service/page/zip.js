// A ZIP of files as they are (APPNOTE.TXT 6.3, method 0): pictures are packed already.

import { crc32 } from './png.js';

const UTF8 = 0x0800;
const DAY = (1 << 5) | 1; // 1980-01-01: the format's first day

// ``files``: [{ name, blob }]; a name that stands twice gets a number.
export async function zip(files) {
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const { name, blob } of unique(files)) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const label = new TextEncoder().encode(name);
    const fields = [20, UTF8, 0, 0, DAY, [crc32(bytes)], [bytes.length], [bytes.length], label.length, 0];
    const local = record([0x04034b50], fields, label);
    entries.push(record([0x02014b50], [20, ...fields, 0, 0, 0, [0], [offset]], label));
    parts.push(local, bytes);
    offset += local.length + bytes.length;
  }
  const size = entries.reduce((sum, entry) => sum + entry.length, 0);
  const end = record([0x06054b50], [0, 0, entries.length, entries.length, [size], [offset], 0], new Uint8Array());
  return new Blob([...parts, ...entries, end], { type: 'application/zip' });
}

// Little-endian numbers: plain ones of 2 bytes, those in brackets of 4.
function record([signature], fields, label) {
  const out = [];
  const put = (value, bytes) => { for (let i = 0; i < bytes; i += 1) out.push((value >>> (8 * i)) & 255); };
  put(signature, 4);
  for (const field of fields) Array.isArray(field) ? put(field[0], 4) : put(field, 2);
  return Uint8Array.from([...out, ...label]);
}

function unique(files) {
  const taken = new Set();
  return files.map(({ name, blob }) => {
    const dot = name.lastIndexOf('.');
    let free = name;
    for (let n = 2; taken.has(free.toLowerCase()); n += 1) free = `${name.slice(0, dot)}-${n}${name.slice(dot)}`;
    taken.add(free.toLowerCase());
    return { name: free, blob };
  });
}
