import { describe, expect, it } from '@jest/globals';
import { banner, startPage } from '../src/banner.ts';

const reach = {
  aeTitle: 'EDGE 1',
  dicomHost: '127.0.0.1',
  dicomPort: 11112,
  dicomWebUrl: 'http://127.0.0.1:8080/dicom-web',
  dataFolder: '/srv/cairn',
  sampleFolder: '/srv/cairn/sample',
  sampleFile: 'study.multipart',
  sampleBoundary: 'cairn-sample',
};

describe('banner', () => {
  it('says how to reach the archive, in a fixed order', () => {
    expect(banner(reach).split('\n').slice(0, 4)).toEqual([
      'AE title:          EDGE 1',
      'DICOM port:        11112',
      'DICOMweb base URL: http://127.0.0.1:8080/dicom-web',
      'Data folder:       /srv/cairn',
    ]);
  });

  it('quotes an AE title with a blank for the shell', () => {
    expect(banner(reach)).toContain("storescu -aec 'EDGE 1' 127.0.0.1 11112");
  });
});

describe('startPage', () => {
  it('escapes what comes from configuration (case 36)', () => {
    expect(startPage({ ...reach, aeTitle: '<script>' })).not.toContain('<script>');
  });
});
