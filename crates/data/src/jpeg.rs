//! Whether the coded data of a JPEG are all there.
//!
//! Decoders take what is missing for zeros and report nothing. So the codes are counted here, without decoding them to
//! pixels: each block of 8 x 8 coefficients of each scan must end before the data of the scan do. That takes about a third of the
//! time of decoding, so it is left out where the last pixels of a large file show that there were data for them.
//!
//! A file is segments: FF, a marker, and for most a length (two bytes, big endian, itself included) with as much data. A
//! scan's coded data follow its segment; in them FF is followed by 0 or a restart marker (D0 to D7).

/// What is wrong with the JPEG `bytes`, which a decoder made `pixels` of, one byte for each of the colours of each of them; `None` if
/// all is there, or it is of a kind that is not known here.
pub(crate) fn fault(bytes: &[u8], pixels: &[u8]) -> Option<String> {
    Jpeg { pixels, ..Jpeg::default() }.read(bytes).err().flatten()
}

/// Bytes of coded data that are counted in no time.
const FEW: usize = 1 << 14;

/// `Err(None)` ends the reading of what is not known here.
type Outcome<T = ()> = Result<T, Option<String>>;

#[derive(Default)]
struct Jpeg<'a> {
    pixels: &'a [u8],
    is_progressive: bool,
    width: usize,
    height: usize,
    parts: Vec<Component>,
    /// Tables for the first and for the other coefficients.
    tables: [[Option<Table>; 4]; 2],
    /// MCUs between restart markers; 0 without.
    interval: usize,
}

/// Brightness or a colour.
struct Component {
    id: u8,
    /// Blocks in an MCU.
    across: usize,
    down: usize,
    /// The lowest bit that was read of each coefficient; 255 for none.
    bits: [u8; 64],
    /// A bit for each coefficient of each block that is not zero, for progressive files.
    set: Vec<u64>,
}

impl Jpeg<'_> {
    fn read(&mut self, bytes: &[u8]) -> Outcome {
        let cut = || Err(Some(format!("a JPEG that breaks off after {} bytes", bytes.len())));
        let mut at = 2;
        let mut data = Vec::new();
        loop {
            // Bytes that belong to nothing are left out.
            let found = bytes.get(at..).and_then(|rest| {
                rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0xd0..=0xd7))
            });
            let Some(found) = found else { return cut() };
            at += found + 2;
            let marker = bytes[at - 1];
            if marker == 0xd9 {
                return self.end();
            }
            let Some(length) = bytes.get(at..at + 2) else { return cut() };
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let Some(segment) = bytes.get(at + 2..at + length.max(2)) else { return cut() };
            at += length;
            match marker {
                0xc0..=0xc2 => self.frame(marker, segment)?,
                0xc4 => self.huffman(segment)?,
                // Lossless, hierarchical and arithmetic files.
                0xc3 | 0xc5..=0xcf => return Err(None),
                0xdd => {
                    self.interval =
                        segment.get(..2).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])))
                }
                0xda => {
                    let Some(ends) = coded(bytes, &mut at, &mut data) else { return cut() };
                    self.scan(segment, &data, &ends)?;
                }
                _ => {}
            }
        }
    }

    fn frame(&mut self, marker: u8, segment: &[u8]) -> Outcome {
        let [8, h1, h0, w1, w0, _, rest @ ..] = segment else { return Err(None) };
        self.is_progressive = marker == 0xc2;
        (self.height, self.width) =
            (usize::from(u16::from_be_bytes([*h1, *h0])), usize::from(u16::from_be_bytes([*w1, *w0])));
        self.parts = rest
            .chunks_exact(3)
            .map(|part| Component {
                id: part[0],
                across: usize::from(part[1] >> 4),
                down: usize::from(part[1] & 15),
                bits: [255; 64],
                set: Vec::new(),
            })
            .collect();
        let is_usual =
            self.parts.iter().all(|part| (1..=4).contains(&part.across) && (1..=4).contains(&part.down));
        if self.parts.is_empty() || !is_usual || self.height == 0 || self.width == 0 {
            Err(None)
        } else {
            Ok(())
        }
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Outcome {
        while let [place, rest @ ..] = segment {
            let lengths: &[u8; 16] = rest.first_chunk().ok_or(None)?;
            let number: usize = lengths.iter().map(|&length| usize::from(length)).sum();
            let symbols = rest.get(16..16 + number).ok_or(None)?;
            let of_kind = self.tables.get_mut(usize::from(place >> 4)).ok_or(None)?;
            *of_kind.get_mut(usize::from(place & 15)).ok_or(None)? = Some(Table::new(lengths, symbols));
            segment = &rest[16 + number..];
        }
        Ok(())
    }

    /// Counts the codes of one scan in `data`, in which a restart interval ends at each of `ends`.
    fn scan(&mut self, segment: &[u8], data: &[u8], ends: &[usize]) -> Outcome {
        let [number, rest @ ..] = segment else { return Err(None) };
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(*number)).ok_or(None)?;
        let &[first, last, approximation, ..] = rest else { return Err(None) };
        let (first, last) = (usize::from(first), usize::from(last).min(63));
        let (high, low) = (approximation >> 4, approximation & 15);
        let (first, last) = if self.is_progressive { (first, last) } else { (0, 63) };
        let (wide, high_most) =
            self.parts.iter().fold((1, 1), |(a, d), part| (a.max(part.across), d.max(part.down)));
        let (width, height) = (self.width, self.height);
        let [firsts, others] = &self.tables;
        let mut members = Vec::new();
        for pair in chosen.chunks_exact(2) {
            let index = self.parts.iter().position(|part| part.id == pair[0]).ok_or(None)?;
            members.push((index, usize::from(pair[1] >> 4), usize::from(pair[1] & 15)));
        }
        if members.is_empty() || first > last || ends.len() > 1 && self.interval == 0 {
            return Err(None);
        }
        let is_all = !self.is_progressive && members.len() == self.parts.len();
        if is_all && self.interval == 0 && data.len() > FEW && self.shows_data(8 * wide) {
            self.parts.iter_mut().for_each(|part| part.bits = [0; 64]);
            return Ok(());
        }
        // One component alone has only the blocks that the image needs, each of them an MCU.
        let is_alone = members.len() == 1;
        let [columns, rows] = if is_alone {
            let part = &self.parts[members[0].0];
            [(width * part.across).div_ceil(8 * wide), (height * part.down).div_ceil(8 * high_most)]
        } else {
            [width.div_ceil(8 * wide), height.div_ceil(8 * high_most)]
        };
        let mut left = columns * rows;
        let (mut start, mut done) = (0, 0);
        for &end in ends {
            let mut codes = Codes { data: &data[..end], at: 8 * start, run: 0 };
            let here = if self.interval == 0 { left } else { left.min(self.interval) };
            for _ in 0..here {
                for &(index, dc, ac) in &members {
                    let part = &mut self.parts[index];
                    let blocks = if is_alone { 1 } else { part.across * part.down };
                    for _ in 0..blocks {
                        if !self.is_progressive {
                            codes.block(
                                firsts[dc & 3].as_ref().ok_or(None)?,
                                others[ac & 3].as_ref().ok_or(None)?,
                            )?;
                        } else if first == 0 {
                            match high {
                                0 => codes.first(firsts[dc & 3].as_ref().ok_or(None)?)?,
                                _ => codes.at += 1,
                            }
                        } else {
                            let table = others[ac & 3].as_ref().ok_or(None)?;
                            if part.set.len() <= done {
                                part.set.resize(columns * rows, 0);
                            }
                            match high {
                                0 => codes.band(table, first..last + 1, &mut part.set[done])?,
                                _ => codes.refine(table, first..last + 1, &mut part.set[done])?,
                            }
                        }
                    }
                }
                done += 1;
                if codes.at > 8 * end {
                    let actual =
                        format!("a JPEG whose data end after {done} of {} blocks of pixels", columns * rows);
                    return Err(Some(actual));
                }
            }
            (start, left) = (end, left - here);
        }
        if left > 0 {
            return Err(Some(format!(
                "a JPEG whose data end after {done} of {} blocks of pixels",
                columns * rows
            )));
        }
        for (index, ..) in members {
            self.parts[index].bits[first..=last].fill(if self.is_progressive { low } else { 0 });
        }
        Ok(())
    }

    /// Whether the last pixels cannot come from missing data. Decoders read zeros then, which give equal blocks of pixels but for
    /// their brightness; or they fill in one colour. So the last two whole blocks, each `block` pixels wide, differ unevenly, and
    /// nowhere by being cut to 0 or 255.
    fn shows_data(&self, block: usize) -> bool {
        let colours = self.pixels.len() / (self.width * self.height).max(1);
        let row = &self.pixels[self.pixels.len() - (self.width * colours).min(self.pixels.len())..];
        let blocks = self.width.div_ceil(block);
        if !(1..=4).contains(&colours) || blocks < 4 {
            return false;
        }
        // Colours of a lower resolution mix with the next block's at the ends.
        let columns = (blocks - 2) * block + 2..(blocks - 1) * block - 2;
        let (mut least, mut most) = (255, -255);
        for x in columns {
            let [here, before] = [x, x - block].map(|x| i32::from(row[x * colours]));
            if [here, before].into_iter().any(|value| !(3..=252).contains(&value)) {
                return false;
            }
            (least, most) = (least.min(here - before), most.max(here - before));
        }
        most - least > 8
    }

    /// Whether all coefficients were read to their last bit.
    fn end(&self) -> Outcome {
        let is_whole = self.parts.iter().all(|part| part.bits.iter().all(|&bit| bit == 0));
        if is_whole { Ok(()) } else { Err(Some("a JPEG without its last scans".into())) }
    }
}

/// Collects the coded data from `at` to the next marker, without the zeros behind FF, and where restart intervals end in them. `None`
/// if there is no marker.
fn coded(bytes: &[u8], at: &mut usize, data: &mut Vec<u8>) -> Option<Vec<usize>> {
    data.clear();
    let mut ends = Vec::new();
    loop {
        let plain = bytes.get(*at..)?.iter().position(|&byte| byte == 0xff)?;
        data.extend(&bytes[*at..*at + plain]);
        *at += plain;
        match bytes.get(*at + 1)? {
            0 => data.push(0xff),
            0xff => {
                *at += 1;
                continue;
            }
            0xd0..=0xd7 => ends.push(data.len()),
            _ => {
                ends.push(data.len());
                return Some(ends);
            }
        }
        *at += 2;
    }
}

/// A Huffman code.
struct Table {
    /// Length and symbol of the code that [`SHORT`] bits begin with; 0 if it is longer.
    short: Box<[u16; 1 << SHORT]>,
    /// The same, for a block's coefficients one after another: the bits of the code and of the value behind it, and how many
    /// coefficients they are, 64 for all that are left.
    steps: Box<[u16; 1 << SHORT]>,
    /// For each length: the first number that is no code of it, shifted to 16 bits, and what leads from a code to its symbol.
    long: [(u32, i32); 17],
    symbols: Vec<u8>,
}

const SHORT: u32 = 10;

impl Table {
    fn new(lengths: &[u8; 16], symbols: &[u8]) -> Self {
        let (short, steps) = (Box::new([0; 1 << SHORT]), Box::new([0; 1 << SHORT]));
        let mut table = Self { short, steps, long: [(0, 0); 17], symbols: symbols.to_vec() };
        let (mut code, mut index) = (0u32, 0usize);
        for (length, &number) in (1u32..).zip(lengths) {
            table.long[length as usize].1 = index as i32 - code as i32;
            for _ in 0..number {
                if length <= SHORT {
                    let from = (code << (SHORT - length)) as usize;
                    let to = (from + (1 << (SHORT - length))).min(1 << SHORT);
                    table.short[from.min(to)..to].fill((length << 8) as u16 | u16::from(symbols[index]));
                    table.steps[from.min(to)..to].fill(step(length as usize, symbols[index]));
                }
                code += 1;
                index += 1;
            }
            table.long[length as usize].0 = code << (16 - length);
            code <<= 1;
        }
        table
    }

    /// The length of the code at the head of `word`, and its symbol.
    #[inline]
    fn find(&self, word: u64) -> Outcome<(usize, u8)> {
        let entry = self.short[(word >> (64 - SHORT)) as usize];
        if entry != 0 {
            return Ok((usize::from(entry >> 8), entry as u8));
        }
        let head = (word >> 48) as u32;
        let length = (SHORT as usize + 1..=16).find(|&length| head < self.long[length].0);
        let found = length.and_then(|length| {
            let index = (head >> (16 - length)) as i32 + self.long[length].1;
            Some((length, *self.symbols.get(usize::try_from(index).ok()?)?))
        });
        found.ok_or_else(|| Some("a JPEG with a code that means nothing".into()))
    }
}

/// The entry of [`Table::steps`] for a symbol with a code of this length.
fn step(length: usize, symbol: u8) -> u16 {
    let (zeros, size) = (usize::from(symbol >> 4), usize::from(symbol & 15));
    let coefficients = if size == 0 && zeros < 15 { 64 } else { zeros + 1 };
    ((length + size) << 8 | coefficients) as u16
}

/// The codes of a restart interval. Behind its end there are zeros.
struct Codes<'a> {
    data: &'a [u8],
    /// The number of bits read, from the beginning of the data.
    at: usize,
    /// Blocks without further new coefficients.
    run: usize,
}

impl Codes<'_> {
    /// The next 57 bits or more, at the head.
    #[inline]
    fn word(&self) -> u64 {
        let from = self.at / 8;
        let word = match self.data.get(from..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => (from..from + 8)
                .fold(0, |word, at| word << 8 | u64::from(self.data.get(at).copied().unwrap_or(0))),
        };
        word << (self.at % 8)
    }

    #[inline]
    fn symbol(&mut self, table: &Table) -> Outcome<(usize, usize)> {
        let (length, symbol) = table.find(self.word())?;
        self.at += length;
        Ok((usize::from(symbol >> 4), usize::from(symbol & 15)))
    }

    /// The next `number` bits, 15 at most, as a number.
    fn bits(&mut self, number: usize) -> usize {
        let bits = if number == 0 { 0 } else { self.word() >> (64 - number) };
        self.at += number;
        bits as usize
    }

    /// The first coefficient of a block.
    fn first(&mut self, table: &Table) -> Outcome {
        let (_, size) = self.symbol(table)?;
        self.at += size;
        Ok(())
    }

    /// All coefficients of a block.
    fn block(&mut self, firsts: &Table, others: &Table) -> Outcome {
        self.first(firsts)?;
        // Bits at the head of a word serve for more than one code: a code and its value have 31 at most.
        let (mut k, mut word, mut used) = (1, self.word(), 0);
        while k < 64 {
            let entry = match others.steps[(word >> (64 - SHORT)) as usize] {
                0 => {
                    let (length, symbol) = others.find(word)?;
                    step(length, symbol)
                }
                entry => entry,
            };
            let bits = usize::from(entry >> 8);
            k += usize::from(entry & 255);
            word <<= bits;
            used += bits;
            if used > 57 - 31 {
                self.at += used;
                (word, used) = (self.word(), 0);
            }
        }
        self.at += used;
        Ok(())
    }

    /// The first bits of a band of coefficients of a block.
    fn band(&mut self, table: &Table, band: std::ops::Range<usize>, set: &mut u64) -> Outcome {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut k = band.start;
        while k < band.end {
            let (zeros, size) = self.symbol(table)?;
            match (zeros, size) {
                (15, 0) => k += 16,
                (_, 0) => {
                    self.run = (1 << zeros) - 1 + self.bits(zeros);
                    break;
                }
                _ => {
                    k += zeros;
                    *set |= 1u64.checked_shl(k as u32).unwrap_or(0);
                    k += 1;
                    self.at += size;
                }
            }
        }
        Ok(())
    }

    /// One more bit of a band: of each coefficient that is not zero, and new ones.
    fn refine(&mut self, table: &Table, band: std::ops::Range<usize>, set: &mut u64) -> Outcome {
        let mut k = band.start;
        while k < band.end && self.run == 0 {
            let (mut zeros, size) = self.symbol(table)?;
            if size == 0 && zeros < 15 {
                self.run = (1 << zeros) + self.bits(zeros);
                break;
            }
            self.at += usize::from(size > 0);
            while k < band.end {
                if *set >> k & 1 == 1 {
                    self.at += 1;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if size > 0 && k < band.end {
                *set |= 1 << k;
            }
            k += 1;
        }
        if self.run > 0 {
            let left = if k < band.end { *set >> k & (u64::MAX >> (64 - (band.end - k))) } else { 0 };
            self.at += left.count_ones() as usize;
            self.run -= 1;
        }
        Ok(())
    }
}
