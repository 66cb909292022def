import { provideBrowserGlobalErrorListeners } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideDurableStreams } from 'rxjs-durable-streams/angular';
import { Chat } from './app/chat';

bootstrapApplication(Chat, {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideDurableStreams({ baseUrl: '/v1/stream', shareTabs: true }),
  ],
}).catch((error: unknown) => console.error(error));
