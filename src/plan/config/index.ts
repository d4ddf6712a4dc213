// config: the drop-in configuration of a root, merged, and where each word of it came from.
export { type Configuration, type ProjectFile, parseFile, printConfiguration, readConfiguration } from './read.ts';
export {
  type Assignment,
  assignment,
  DEFAULT_SETTINGS,
  merged,
  SETTINGS,
  type SettingName,
  type SettingSpec,
  type Settings,
} from './settings.ts';
