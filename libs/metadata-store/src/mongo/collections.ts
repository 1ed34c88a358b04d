import type mongoose from 'mongoose';

type Collection<T extends { _id: string }> = mongoose.mongo.Collection<T>;

/** Told apart from others by its token: every writer that changed what a document is derived from sets a new one. */
export interface Derived {
  _id: string;
  tenant: string;
  /** Token of the newest change below. */
  touched: string;
  /** The token at which the document was derived; another one than `touched` while that is to be done. */
  derived?: string;
}

/** A receipt in its instance; the array keeps the order in which the server took them. */
export interface StoredReceipt {
  ulid: string;
  /** The call that brought it. */
  call: string;
  /** JSON text of a `ReceiptRecord`. */
  record: string;
}

/** One instance: its receipts and facts as sets, and what is derived from them; only facts while it never came. */
export interface StoredInstance extends Derived {
  study: string;
  series: string;
  sop: string;
  receipts?: StoredReceipt[];
  /** JSON texts of the facts about it. */
  facts?: string[];
  /** Receipts that it holds or knows from facts. */
  known?: string[];
  /** 1 when it has receipts: the sum over a series is its count. */
  present?: number;
  order?: string;
  number?: number | null;
  sopClass?: string;
  size?: number;
  version?: number;
  /** ULID of the current version, `|`, ULID of the receipt whose object and texts serve it: the smallest represents the series. */
  current?: string;
  attributes?: string;
  /** Receipts whose objects are to be collected, ascending. */
  duplicates?: string[];
  /** Identity string of the first of them, empty without any: an order that an array cannot give. */
  firstDuplicate?: string;
}

/** One series, derived from its instances. */
export interface StoredSeries extends Derived {
  study: string;
  uid: string;
  studyUid?: string;
  seriesUid?: string;
  order?: string;
  modality?: string;
  attributes?: string;
  /** `current` of the representative instance. */
  representative?: string;
  instances?: number;
  size?: number;
  sopClasses?: string[];
  version?: number;
}

/** One study, derived from its series. */
export interface StoredStudy extends Derived {
  studyUid?: string;
  order?: string;
  patient?: string;
  patientKey?: string;
  /** Every patient that it ever had: their counts are made anew with it. */
  patients?: string[];
  patientId?: string;
  accessionNumber?: string;
  tokens?: string[];
  modalities?: string[];
  sopClasses?: string[];
  attributes?: string;
  representative?: string;
  series?: number;
  instances?: number;
  size?: number;
  version?: number;
}

/** One patient, derived from its studies. */
export interface StoredPatient extends Derived {
  patientKey?: string;
  order?: string;
  patientId?: string;
  tokens?: string[];
  attributes?: string;
  representative?: string;
  studies?: number;
  series?: number;
  instances?: number;
}

/** The texts of a receipt, compressed. */
export interface StoredTexts {
  _id: string;
  defaultIssuer: string;
  header: mongoose.mongo.Binary;
  bulk: mongoose.mongo.Binary;
  pixels?: mongoose.mongo.Binary;
}

/** A claim of a group; a conflict when another one of the group was made earlier. */
export interface StoredClaim {
  _id: string;
  tenant: string;
  group: string;
  /** The smallest receipt that says so and JSON text of the claim: the ULID comes first, so the smallest text is the earliest. */
  least: string;
  /** The smallest receipt of the group. */
  earliest?: string;
  /** Place in the reconciliation list: receipt, `|`, conflict's id; absent while it is the earliest. */
  order?: string;
  /** The conflict's id. */
  conflict: string;
}

/** What was decided about a conflict by hand. */
export interface StoredResolution {
  _id: string;
  /** ULID of the fact and JSON text of the resolution: the greatest text is the newest. */
  newest: string;
}

/** A named text. */
export interface StoredMark {
  _id: string;
  value: string;
}

/** A job: due when its time has come, whatever token it has. */
export interface StoredJob {
  _id: string;
  tenant: string;
  id: string;
  type: string;
  payload: string;
  due: number;
  /** Of its latest claim, empty before the first. */
  token: string;
}

/** The collections of the index, and that of jobs. */
export interface Collections {
  patients: Collection<StoredPatient>;
  studies: Collection<StoredStudy>;
  series: Collection<StoredSeries>;
  instances: Collection<StoredInstance>;
  receiptTexts: Collection<StoredTexts>;
  claims: Collection<StoredClaim>;
  resolutions: Collection<StoredResolution>;
  marks: Collection<StoredMark>;
  jobs: Collection<StoredJob>;
}
