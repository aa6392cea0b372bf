/** An element of the page as a picture: what is seen of it, canvases and text. */

const SVG = 'http://www.w3.org/2000/svg';
const XHTML = 'http://www.w3.org/1999/xhtml';

/**
 * The browser draws a copy of the element within an SVG, which knows nothing of the page:
 * it has the rules of the style sheets with it, and canvases as images. As a data address,
 * for one of a blob would forbid to read the canvas that it is drawn on.
 */
export async function pictureOf(element: HTMLElement): Promise<Blob> {
  const { width, height } = element.getBoundingClientRect();
  const address = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgOf(element, width, height))}`;
  const image = new Image();
  image.src = address;
  await image.decode();
  const ratio = window.devicePixelRatio || 1;
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) =>
      blob ? resolve(blob) : reject(new Error('The browser could not draw the view.')),
    );
  });
}

function svgOf(element: HTMLElement, width: number, height: number): string {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('width', String(width));
  svg.setAttribute('height', String(height));
  // The root of the copy, as the theme's rules know it.
  svg.setAttribute('data-theme', document.documentElement.dataset['theme'] ?? '');
  const style = document.createElementNS(SVG, 'style');
  style.textContent = [...document.styleSheets]
    .flatMap((sheet) => rulesNow(sheet.cssRules))
    .join('\n')
    // Canvases are images in the copy.
    .replace(/\bcanvas\b/g, 'img');
  const room = document.createElementNS(SVG, 'foreignObject');
  room.setAttribute('width', '100%');
  room.setAttribute('height', '100%');
  const body = document.createElementNS(XHTML, 'body');
  const copy = element.cloneNode(true) as HTMLElement;
  copy.style.width = `${width}px`;
  copy.style.height = `${height}px`;
  copyState(element, copy);
  body.append(copy);
  room.append(body);
  svg.append(style, room);
  return new XMLSerializer().serializeToString(svg);
}

/** Rules as text; those for some windows alone only where this window is one. */
function rulesNow(rules: CSSRuleList): string[] {
  return [...rules].flatMap((rule) => {
    if (!(rule instanceof CSSMediaRule)) return rule.cssText;
    return window.matchMedia(rule.conditionText).matches ? rulesNow(rule.cssRules) : [];
  });
}

/** What a copy lacks: what canvases hold, what was typed and chosen, how far is scrolled. */
function copyState(original: Element, copy: Element): void {
  const [originals, copies] = [original, copy].map((one) => [
    one,
    ...one.querySelectorAll('*'),
  ]);
  const seen = original.getBoundingClientRect();
  originals.forEach((from, i) => {
    const to = copies[i] as HTMLElement;
    if (from instanceof HTMLCanvasElement) to.replaceWith(imageOf(from, to, seen));
    if (from instanceof HTMLInputElement) {
      to.setAttribute('value', from.value);
      to.toggleAttribute('checked', from.checked);
    }
    if (from instanceof HTMLOptionElement) to.toggleAttribute('selected', from.selected);
    if (from.scrollTop === 0 && from.scrollLeft === 0) return;
    to.style.overflow = 'hidden';
    for (const child of to.children as HTMLCollectionOf<HTMLElement>)
      child.style.transform = `translate(${-from.scrollLeft}px, ${-from.scrollTop}px)`;
  });
}

function imageOf(canvas: HTMLCanvasElement, copy: Element, seen: DOMRect): Element {
  const image = document.createElementNS(XHTML, 'img');
  for (const { name, value } of copy.attributes) image.setAttribute(name, value);
  const { top, bottom, width } = canvas.getBoundingClientRect();
  const inView = width > 0 && bottom > seen.top && top < seen.bottom;
  if (inView) image.setAttribute('src', canvas.toDataURL());
  return image;
}
