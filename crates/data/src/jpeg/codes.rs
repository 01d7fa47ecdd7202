//! The codes of JPEG: how long they are, and how many a block of pixels has.

/// `Err(None)` ends the reading of what is not known here.
pub(super) type Outcome<T = ()> = Result<T, Option<String>>;

/// A Huffman code.
pub(super) struct Table {
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
    pub(super) fn new(lengths: &[u8; 16], symbols: &[u8]) -> Self {
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
pub(super) struct Codes<'a> {
    pub(super) data: &'a [u8],
    /// The number of bits read, from the beginning of the data.
    pub(super) at: usize,
    /// Blocks without further new coefficients.
    pub(super) run: usize,
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
    pub(super) fn first(&mut self, table: &Table) -> Outcome {
        let (_, size) = self.symbol(table)?;
        self.at += size;
        Ok(())
    }

    /// All coefficients of a block.
    pub(super) fn block(&mut self, firsts: &Table, others: &Table) -> Outcome {
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
    pub(super) fn band(&mut self, table: &Table, band: std::ops::Range<usize>, set: &mut u64) -> Outcome {
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
    pub(super) fn refine(&mut self, table: &Table, band: std::ops::Range<usize>, set: &mut u64) -> Outcome {
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
