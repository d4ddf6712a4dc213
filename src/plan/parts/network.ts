// network: drivers for network cards, for roots that come over a network. To be added by name.
import type { ModuleWant, Part } from '../part.ts';

// Buses and links that no machine boots over: phones, ham radio, CAN, bonding and tunnels, wireless.
const EXCEPT = [
  ...[
    'appletalk/',
    'arcnet/',
    'bonding/',
    'can/',
    'hamradio/',
    'hippi/',
    'irda/',
    'pcmcia/',
    'team/',
    'tokenring/',
    'wan/',
    'wimax/',
    'wireless/',
    'wwan/',
  ],
  ...[
    'cdc_mbim',
    'cdc_subset',
    'cx82310_eth',
    'dummy',
    'gl620a',
    'hso',
    'huawei_cdc_ncm',
    'ifb',
    'ipheth',
    'kalmia',
    'lg_vl600',
    'macvlan',
    'macvtap',
  ],
  ...['net1080', 'plusb', 'qmi_wwan', 'sb1000', 'sierra_net', 'tun', 'veth', 'xen_netback', 'zaurus'],
];

const MODULES: readonly ModuleWant[] = [
  { what: 'kernel/drivers/net/', except: EXCEPT, text: 'network cards', need: 'match' },
  { what: 'virtio_net', text: 'network of a virtual machine', need: 'match' },
  { what: 'hv_netvsc', text: 'network of a Hyper-V guest', need: 'match' },
  { what: 'xen_netfront', text: 'network of a Xen guest', need: 'match' },
  { what: 'vmxnet3', text: 'network of a VMware guest', need: 'match' },
  { what: 'af_packet', text: 'raw packets, for DHCP', need: 'may' },
];

/** The network part. */
export const network: Part = {
  name: 'network',
  summary: 'drivers for wired network cards',
  when: 'asked',
  wants: () => ({ modules: MODULES }),
};
