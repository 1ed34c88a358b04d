const DATE = /^(\d{4})\.?(\d{2})\.?(\d{2})$/;
const TIME = /^(\d{2})(?::?(\d{2})(?::?(\d{2})(\.\d{1,6})?)?)?$/;
const DATE_TIME = /^(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\.\d{1,6})?([+-]\d{4})?$/;

/** A DA value as yyyymmdd (also the retired yyyy.mm.dd); undefined when it is no day of the calendar. */
export function dateNumber(text: string): number | undefined {
  const [, year, month, day] = DATE.exec(text.trim()) ?? [];
  if (year === undefined) return undefined;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  const exists = !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day);
  return exists ? Number(year) * 10_000 + Number(month) * 100 + Number(day) : undefined;
}

/** A TM value as hhmmss.ffffff (also the retired hh:mm:ss), missing parts zero; undefined when it is no time of day. Second 60 is a leap second. */
export function timeNumber(text: string): number | undefined {
  const [, hour, minute = '0', second = '0', fraction = ''] = TIME.exec(text.trim()) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  return Number(hour) * 10_000 + Number(minute) * 100 + Number(second + fraction);
}

/** A DT value as milliseconds since 1970, without an offset taken as UTC, missing parts as early as possible; undefined when malformed. */
export function dateTimeNumber(text: string): number | undefined {
  const match = DATE_TIME.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', offset = '+0000'] = match;
  if (dateNumber(`${year}${month}${day}`) === undefined || timeNumber(hour + minute + second + fraction) === undefined) return undefined;
  const milliseconds = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const offsetMinutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3));
  return milliseconds + Number(`0${fraction}`) * 1000 - (offset.startsWith('-') ? -offsetMinutes : offsetMinutes) * 60_000;
}
