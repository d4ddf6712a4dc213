// console: screen, serial line and keyboard, so that a person can answer when the root is not found.
import type { ModuleWant, Part } from '../part.ts';

// HID drivers for devices that have no keys: game controllers, mice, remote controls, tablets.
const HID_EXCEPT = [
  ...['hid_*ff', 'hid_a4tech', 'hid_cypress', 'hid_dr', 'hid_elecom', 'hid_gyration', 'hid_icade', 'hid_kensington', 'hid_kye'],
  ...['hid_lcpower', 'hid_magicmouse', 'hid_ntrig', 'hid_petalynx', 'hid_picolcd', 'hid_pl', 'hid_ps3remote', 'hid_quanta'],
  ...['hid_roccat_ko*', 'hid_roccat_pyra', 'hid_saitek', 'hid_sensor_hub', 'hid_sony', 'hid_speedlink', 'hid_tivo', 'hid_twinhan'],
  ...['hid_uclogic', 'hid_wacom', 'hid_waltop', 'hid_wiimote', 'hid_zydacron'],
];

const KEYBOARDS: readonly ModuleWant[] = [
  { what: 'kernel/drivers/hid/', except: HID_EXCEPT, text: 'USB, Bluetooth and I2C keyboards', need: 'match' },
  { what: 'kernel/drivers/input/keyboard/', text: 'keyboards', need: 'match' },
  { what: 'hid_generic', text: 'keyboards without a driver of their own', need: 'may' },
  { what: 'usbhid', text: 'USB keyboards', need: 'may' },
  { what: 'atkbd', text: 'PS/2 keyboards', need: 'may' },
  { what: 'i8042', text: 'PS/2 controller', need: 'may' },
  { what: 'psmouse', text: 'touchpads that share the PS/2 controller', need: 'match' },
  { what: 'evdev', text: 'events of keyboards', need: 'match' },
  { what: 'hyperv_keyboard', text: 'keyboard of a Hyper-V guest', need: 'match' },
  { what: 'xen_kbdfront', text: 'keyboard of a Xen guest', need: 'match' },
  { what: 'virtio_console', text: 'console of a virtual machine', need: 'match' },
  { what: 'virtio_input', text: 'keyboard of a virtual machine', need: 'match' },
];

/** The console and keyboard part. */
export const consolePart: Part = {
  name: 'console',
  summary: 'keyboards and virtual consoles',
  when: 'default',
  wants: () => ({ modules: KEYBOARDS }),
};
