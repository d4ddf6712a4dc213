// odc keeps what every form of cpio promises (cpio/properties.fixture.ts).
import { testForm } from '../cpio/properties.fixture.ts';
import { decode, encode, encodeWhole } from './index.ts';

testForm({ decode, encode, encodeWhole }, 77);
