import type { KubeObject } from '../api/object.js'

/** Writes Events about objects (core/v1), folding repeats into one event with a count as client-go does. Never throws, never waits. */
export interface EventRecorder {
  event(about: KubeObject & { apiVersion?: string; kind?: string }, type: 'Normal' | 'Warning', reason: string, message: string): void
}
