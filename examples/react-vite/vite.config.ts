import react from '@vitejs/plugin-react';
import stagedoor from 'stagedoor/vite';
import { defineConfig } from 'vite';

export default defineConfig({ plugins: [react(), stagedoor()] });
