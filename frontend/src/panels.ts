/** How wide the panels beside the view are. Pure; in CSS pixels. */

/** The view between the panels keeps at least so much, where the page has it. */
export const CENTRE_LEAST = 480;
export const SIDE_LEAST = 180;
export const DETAILS_LEAST = 200;
/** No wider: rows of names and a map gain nothing from more. */
const MOST = 800;

export interface PanelWidths {
  side: number;
  details: number;
}

/** As wide as suits the page, until the reader says otherwise. */
function initialWidths(page: number): PanelWidths {
  if (page <= 1180) return { side: 212, details: 244 };
  if (page < 2200) return { side: 248, details: 296 };
  return page < 3200 ? { side: 300, details: 380 } : { side: 360, details: 480 };
}

/** What one panel can be beside a panel of the width `other`; 0 is none. */
export function mostWidth(page: number, other: number, least: number): number {
  return Math.max(least, Math.min(MOST, page - CENTRE_LEAST - other));
}

/** The widths that are wanted, null as it suits, as far as the page has room for them. */
export function panelWidths(
  wanted: { side: number | null; details: number | null },
  page: number,
): PanelWidths {
  const initial = initialWidths(page);
  const fit = (width: number, least: number, most: number) =>
    Math.min(most, Math.max(least, width));
  const side = fit(
    wanted.side ?? initial.side,
    SIDE_LEAST,
    mostWidth(page, DETAILS_LEAST, SIDE_LEAST),
  );
  const details = fit(
    wanted.details ?? initial.details,
    DETAILS_LEAST,
    mostWidth(page, side, DETAILS_LEAST),
  );
  return { side, details };
}
