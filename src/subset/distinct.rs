//! How many different values there are, about: a sketch of fixed size, the same for the same values in any order.

use std::hash::Hasher;

/// The number of bits of a hash that choose a register; 2¹⁴ registers give a standard error of 0.8 %.
const REGISTER_BITS: u32 = 14;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// A HyperLogLog sketch (Flajolet et al. 2007) with linear counting for small numbers.
///
/// The hash has no key, for what is planned must not change from run to run; nothing of it is ever shown or stored.
#[derive(Clone, Debug)]
pub struct Distinct {
    registers: Vec<u8>,
    values: u64,
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct { registers: vec![0; REGISTERS], values: 0 }
    }
}

impl Distinct {
    /// Adds a value of one or more parts.
    pub fn add<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>) {
        // SipHash-2-4 under the key zero, of the standard library.
        #[expect(deprecated, reason = "the hasher that replaces it is keyed at random")]
        let mut hasher = std::hash::SipHasher::new();
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        let hash = hasher.finish();
        let register = (hash >> (u64::BITS - REGISTER_BITS)) as usize;
        let zeros = ((hash << REGISTER_BITS) | 1 << (REGISTER_BITS - 1)).leading_zeros() as u8 + 1;
        self.registers[register] = self.registers[register].max(zeros);
        self.values += 1;
    }

    /// Adds the values of `other`.
    pub fn join(&mut self, other: &Distinct) {
        for (own, other) in self.registers.iter_mut().zip(&other.registers) {
            *own = (*own).max(*other);
        }
        self.values += other.values;
    }

    /// How many values were added, equal ones counted each time.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// About how many different values were added.
    pub fn count(&self) -> f64 {
        let registers = REGISTERS as f64;
        let empty = self.registers.iter().filter(|register| **register == 0).count();
        let sum: f64 = self.registers.iter().map(|&register| 0.5_f64.powi(i32::from(register))).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        match empty {
            1.. if estimate <= 2.5 * registers => registers * (registers / empty as f64).ln(),
            _ => estimate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_near_whatever_the_number() {
        for number in [0_u32, 1, 100, 10_000, 300_000] {
            let mut sketch = Distinct::default();
            for value in (0..number).chain(0..number / 2) {
                sketch.add([value.to_string().as_bytes()].into_iter());
            }
            let error = (sketch.count() - f64::from(number)).abs() / f64::from(number.max(1));
            assert!(error < 0.03, "{number}: {}", sketch.count());
            assert_eq!(sketch.values(), u64::from(number + number / 2));
        }
    }
}
