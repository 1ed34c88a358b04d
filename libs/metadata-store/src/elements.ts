import type { DicomJson, DicomJsonElement } from '@cairn/core';
import { levelOfAttribute } from './levels.ts';
import type { ElementSource } from './match.ts';

const SOP_CLASS_UID = '00080016';

/** A study, series or instance as predicates look at it; functions, because most plans ask for few of these. */
export interface LevelView {
  study: {
    attributes: () => DicomJson;
    /** Attributes of its series. */
    allSeries: () => readonly DicomJson[];
    modalities: () => readonly string[];
    sopClasses: () => readonly string[];
    /** Counts. */
    series: number;
    instances: number;
  };
  series?: { attributes: () => DicomJson; sopClasses: () => readonly string[]; instances: number };
  instance?: { attributes: () => DicomJson };
  /** Header of the representative instance, the own one at instance level. */
  header: () => DicomJson;
}

/**
 * Elements of a study, series or instance: from the document of their level, what no document keeps from the header. At study
 * level an attribute of series has the values of all its series, so that a key matches when any of them does; so has
 * SOPClassUID above the instance those of all instances.
 */
export function elementsOfLevel(view: LevelView): ElementSource {
  return (tag) => computedElement(tag, view) ?? storedElement(tag, view);
}

function storedElement(tag: string, { study, series, instance, header }: LevelView): DicomJsonElement | undefined {
  switch (levelOfAttribute(tag)) {
    case 'patient':
    case 'study':
      return study.attributes()[tag];
    case 'series':
      return series === undefined ? together(study.allSeries(), tag) : series.attributes()[tag];
    case 'instance':
      return (instance === undefined ? header() : instance.attributes())[tag];
    case undefined:
      return header()[tag];
  }
}

/** Attributes that the archive computes and clients search by: ModalitiesInStudy, SOP classes and counts. */
function computedElement(tag: string, { study, series, instance }: LevelView): DicomJsonElement | undefined {
  switch (tag) {
    case SOP_CLASS_UID:
      return instance === undefined ? { vr: 'UI', Value: series?.sopClasses() ?? study.sopClasses() } : undefined;
    case '00080061':
      return { vr: 'CS', Value: study.modalities() };
    case '00080062':
      return { vr: 'UI', Value: study.sopClasses() };
    case '00201206':
      return { vr: 'IS', Value: [study.series] };
    case '00201208':
      return { vr: 'IS', Value: [study.instances] };
    case '00201209':
      return series && { vr: 'IS', Value: [series.instances] };
    default:
      return undefined;
  }
}

function together(all: readonly DicomJson[], tag: string): DicomJsonElement | undefined {
  const elements = all.map((attributes) => attributes[tag]).filter((element) => element !== undefined);
  const [first] = elements;
  return first && { vr: first.vr, Value: elements.flatMap(({ Value = [] }) => Value) };
}
