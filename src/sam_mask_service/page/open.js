// A picture as it stands at the service: its session, its faces and its pixels, upright.

import { ServiceError, Upload } from './api.js';

// Closes what it opened when it fails.
export async function open(source, harder) {
  const session = new Upload(source, harder);
  const drawn = source.file ? createImageBitmap(source.file).catch(() => null) : Promise.resolve(null); // null: HEIC, TIFF, an address
  try {
    const faces = await session.open();
    const mine = await drawn;
    return { session, faces, bitmap: fits(mine, session) ? mine : await served(session, mine) };
  } catch (error) {
    session.close();
    throw error;
  }
}

// A browser that turns a picture otherwise than the service does (by notes in XMP, say) would show the faces in wrong places. Its size
// tells, but not where the turned picture has the size of the unturned one: half turns and mirrors (EXIF's 2 to 4), and squares.
const telling = ({ width, height, orientation }) => orientation === 1 || (orientation > 4 && width !== height);
const fits = (bitmap, session) =>
  bitmap && (!session.width || (bitmap.width === session.width && bitmap.height === session.height && telling(session)));

async function served(session, mine) {
  if (!session.width || (!session.kept && !session.source.file)) {
    if (mine) return mine;
    throw new ServiceError('The browser cannot show this file as a picture, and the service keeps none for it.', 'not_shown', 0);
  }
  return createImageBitmap(await session.upright());
}
