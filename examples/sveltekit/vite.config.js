import { sveltekit } from '@sveltejs/kit/vite';
import stagedoor from 'stagedoor/vite';
import { defineConfig } from 'vite';

export default defineConfig({ plugins: [sveltekit(), stagedoor()] });
