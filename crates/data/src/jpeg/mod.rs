//! Whether the coded data of a JPEG are all there.
//!
//! Decoders take what is missing for zeros and report nothing. So the codes are counted here, without decoding them to
//! pixels: each block of 8 x 8 coefficients of each scan must end before the data of the scan do. That takes about a third of the
//! time of decoding, so it is left out where the last pixels of a large file show that there were data for them.
//!
//! A file is segments: FF, a marker, and for most a length (two bytes, big endian, itself included) with as much data. A
//! scan's coded data follow its segment; in them FF is followed by 0 or a restart marker (D0 to D7).

mod codes;

use codes::{Codes, Outcome, Table};

/// What is wrong with the JPEG `bytes`, which a decoder made `pixels` of, one byte for each of the colours of each of them; `None` if
/// all is there, or it is of a kind that is not known here.
pub(crate) fn fault(bytes: &[u8], pixels: &[u8]) -> Option<String> {
    Jpeg { pixels, ..Jpeg::default() }.read(bytes).err().flatten()
}

/// Bytes of coded data that are counted in no time.
const FEW: usize = 1 << 14;

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
