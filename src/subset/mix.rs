//! A number mixed so that close ones are far apart.

/// Mixes a number, one to one: the finalizer of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
/// number generators").
#[inline]
pub fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d049bb133111eb);
    value ^ value >> 31
}
