/** Feature maps over the image that the model sees: keract's display_heatmaps. */
import { useLayoutEffect } from 'preact/hooks';
import { inputs } from '../maps_store';
import { channelValues, imagePicture, isImage, overlaid } from '../overlay';
import { resized } from '../resizing';
import { isWeightKind } from '../selection';
import { state } from '../state';
import type { Stack } from '../wire_format';
import { Opacity } from './Opacity';
import { type Underlay, underlay } from './Plane';

/** Lays maps over images as long as it is on the page. */
export function OnImage() {
  const { answer } = inputs.value;
  const opacity = state.opacity.value;
  useLayoutEffect(() => {
    underlay.value = over(answer ?? [], opacity);
  }, [answer, opacity]);
  useLayoutEffect(
    () => () => {
      underlay.value = null;
    },
    [],
  );
  return <Opacity />;
}

function over(images: readonly (Stack | undefined)[], opacity: number): Underlay {
  return (stack, channel, domain, map) => {
    const { header, index, height, width } = stack;
    const input = images[index];
    if (!input || !isImage(input)) return undefined;
    if (header.height_axis !== 'height' || isWeightKind(header.kind)) return undefined;
    const image = imagePicture(input);
    const values = resized(
      channelValues(stack, channel),
      [height, width],
      [image.height, image.width],
    );
    const pixels = overlaid(image.pixels, values, domain, map, opacity);
    return { ...image, pixels };
  };
}
