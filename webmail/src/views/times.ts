/** Times as a list shows them: 14:02 today, Mon this week, 3 Nov this year, else 2024-11-03. */

const WEEK_DAYS = 6;

/** `at` and `now` in milliseconds since 1970; `zone` is the reader's unless said otherwise. */
export function short(at: number, now: number, language: string, zone?: string): string {
  const [day, today] = [dayOf(at, zone), dayOf(now, zone)];
  const format = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(language, zone === undefined ? options : { ...options, timeZone: zone }).format(
      at,
    );
  if (day === today) return format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const days = (Date.parse(today) - Date.parse(day)) / 86_400_000;
  if (days > 0 && days <= WEEK_DAYS) return format({ weekday: "short" });
  return day.slice(0, 4) === today.slice(0, 4) ? format({ day: "numeric", month: "short" }) : day;
}

/** The whole of it. */
export function long(at: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" }).format(at);
}

function dayOf(at: number, zone?: string): string {
  const options: Intl.DateTimeFormatOptions = { year: "numeric", month: "2-digit", day: "2-digit" };
  return new Intl.DateTimeFormat("sv", zone === undefined ? options : { ...options, timeZone: zone }).format(
    at,
  );
}
