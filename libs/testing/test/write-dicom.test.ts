import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { TRANSFER_SYNTAX, dataSetOffset, element, sequence, writeDataSet, writeDicom } from '../src/index.ts';

const NAME = [element('00100010', 'PN', 'Doe^Jo')];

describe('writeDicom', () => {
  it('writes preamble, meta information with its length, and explicit elements', () => {
    const file = writeDicom({ elements: [element('00080016', 'UI', '1.2'), ...NAME] });
    expect(file.toString('latin1', 128, 132)).toBe('DICM');
    expect(file.subarray(dataSetOffset(file)).toString('hex')).toBe('08001600554904' + '00312e3200' + '10001000504e0600' + '446f655e4a6f');
  });

  it.each([
    ['implicit little endian', TRANSFER_SYNTAX.implicitLittleEndian, '1000100006000000446f655e4a6f'],
    ['explicit big endian', TRANSFER_SYNTAX.explicitBigEndian, '00100010504e0006446f655e4a6f'],
  ])('writes %s', (_name, transferSyntaxUid, hex) => {
    expect(writeDataSet({ elements: NAME, transferSyntaxUid }).toString('hex')).toBe(hex);
  });

  it('deflates without a header', () => {
    const bytes = writeDataSet({ elements: NAME, transferSyntaxUid: TRANSFER_SYNTAX.deflated });
    expect(inflateRawSync(bytes)).toEqual(writeDataSet({ elements: NAME }));
  });

  it('writes numbers in the byte order of the encoding', () => {
    const elements = [
      element('00280010', 'US', 258),
      element('00281101', 'SS', -2),
      element('00189074', 'FD', 1),
      element('00280009', 'AT', '00181063'),
    ];
    expect(writeDataSet({ elements }).toString('hex')).toBe(
      '280010005553020002' + '01' + '28000111535302' + '00feff' + '18007490464408' + '00000000000000f03f' + '28000900415404' + '0018006310',
    );
    expect(writeDataSet({ elements: elements.slice(0, 1), transferSyntaxUid: TRANSFER_SYNTAX.explicitBigEndian }).toString('hex')).toBe(
      '00280010555300020102',
    );
  });

  it('writes sequences of known and undefined length', () => {
    const items = [{ elements: NAME, undefinedLength: true }];
    expect(writeDataSet({ elements: [sequence('00081140', items, { undefinedLength: true })] }).toString('hex')).toBe(
      '0800401153510000ffffffff' + 'feff00e0ffffffff' + '10001000504e0600446f655e4a6f' + 'feff0de000000000' + 'feffdde000000000',
    );
    expect(writeDataSet({ elements: [sequence('00081140', [NAME])] }).toString('hex')).toBe(
      '0800401153510000160' + '00000' + 'feff00e00e000000' + '10001000504e0600446f655e4a6f',
    );
  });

  it('writes fragments with an offset table and a delimiter', () => {
    const elements = [{ tag: '7FE00010', vr: 'OB', fragments: [Buffer.alloc(0), Buffer.from('ab')] }];
    expect(writeDataSet({ elements }).toString('hex')).toBe(
      'e07f10004f420000ffffffff' + 'feff00e000000000' + 'feff00e002000000' + '6162' + 'feffdde000000000',
    );
  });

  it('lies where it is told to', () => {
    const odd = element('00100010', 'PN', 'Doe', { unpadded: true });
    expect(writeDataSet({ elements: [odd] }).toString('hex')).toBe('10001000504e0300446f65');
    expect(writeDataSet({ elements: [element('00100010', 'PN', 'Do', { claimedLength: 0xfffe })] }).toString('hex')).toBe(
      '10001000504efeff446f',
    );
    const open = sequence('00081140', [], { undefinedLength: true, withoutDelimiter: true });
    expect(writeDataSet({ elements: [open] }).toString('hex')).toBe('0800401153510000ffffffff');
    expect(writeDicom({ elements: NAME, preamble: false, meta: false, trailing: Buffer.from('!') }).toString('latin1')).toMatch(
      /Doe\^Jo!$/,
    );
    const lying = writeDicom({ elements: NAME, metaGroupLength: 9999 });
    expect(lying.readUInt32LE(140)).toBe(9999);
    expect(writeDicom({ elements: NAME, metaGroupLength: 'absent' }).readUInt32LE(132)).toBe(0x00010002);
  });

  it('writes retired group lengths', () => {
    expect(writeDataSet({ elements: NAME, groupLengths: 'right' }).toString('hex')).toBe(
      '10000000554c04000e000000' + '10001000504e0600446f655e4a6f',
    );
  });
});
