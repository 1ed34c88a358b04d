import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, SOP_CLASSES, TRANSFER_SYNTAXES, convertible } from '@cairn/dicom';
import { code, table } from '../table.mjs';

/** The transfer syntaxes that the archive knows, and the ones it can give each in. */
export function transferSyntaxes() {
  const known = [...TRANSFER_SYNTAXES.values()];
  return table(
    ['UID', 'Name', 'Frames as', 'Also given as'],
    known.map(({ uid, name, mediaType }) => {
      const others = known.filter((target) => target.uid !== uid && convertible(uid, target.uid));
      return [code(uid), name, code(mediaType), others.map((target) => code(target.uid)).join(', ')];
    }),
  );
}

/** The storage SOP classes by name; others are stored as well. */
export function storageSopClasses() {
  const classes = [...SOP_CLASSES.values()].filter(({ isStorage }) => isStorage);
  return table(
    ['UID', 'Name'],
    classes.map(({ uid, name }) => [code(uid), name]),
  );
}

/** How associations and file meta information of ours name the implementation. */
export function implementation() {
  return table(
    ['Implementation', ''],
    [
      ['Class UID', code(IMPLEMENTATION_CLASS_UID)],
      ['Version name', code(IMPLEMENTATION_VERSION_NAME)],
    ],
  );
}
