import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['{src,gallery}/**/*.test.ts'], environment: 'node' },
});
