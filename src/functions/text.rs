//! `TextMask`: one string in, one string out. Nulls, escapes, `by`, `null` and `invalid` are handled here, once.

use arrow::array::BinaryViewArray;

use crate::schema::PgType;

/// Masks one value given as text, unescaped.
pub trait TextMask: Send + Sync {
    /// Appends the masked form of `value` to `out`.
    ///
    /// `subject` is what the result depends on besides the value's shape: the owner's value where the rule says `by`,
    /// else the value itself, in canonical form (see [`canonical`]).
    ///
    /// # Errors
    /// The reason, without the value, such as "is not a UUID".
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str>;
}

/// What becomes of NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NullPolicy {
    /// NULL stays NULL.
    #[default]
    Keep,
    /// NULL is masked as the empty string is.
    Mask,
}

/// What becomes of a value that the function cannot parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InvalidPolicy {
    /// The run stops.
    #[default]
    Error,
    /// It becomes NULL.
    Null,
    /// It becomes a filler of like length, as `redact` makes it.
    Redact,
}

/// A text mask over the columns of batches.
pub struct TextColumn {
    /// What masks a value.
    pub mask: Box<dyn TextMask>,
    /// What becomes of NULL.
    pub null: NullPolicy,
    /// What becomes of a value that does not parse.
    pub invalid: InvalidPolicy,
}

/// A masked column, and how much of it was masked.
pub struct MaskedColumn {
    /// As many values as went in, in COPY text form, still escaped, NULL in the null bitmap.
    pub values: BinaryViewArray,
    /// How many values went through the mask.
    pub masked: u64,
    /// How many values are NULL after it.
    pub nulls: u64,
}

/// A value that could not be masked. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmasked {
    /// Its row in the batch, from 0.
    pub row: usize,
    /// The reason, such as "is not a UUID".
    pub reason: &'static str,
}

impl TextColumn {
    /// Masks a column of a batch: values in COPY text form, still escaped, NULL in the null bitmap.
    ///
    /// `ty` is the column's type; `owner` the column that `by` names and its type. Where the owner is NULL, the value
    /// is its own subject.
    ///
    /// # Errors
    /// The first row with a value that cannot be masked, under [`InvalidPolicy::Error`].
    pub fn apply(
        &self,
        _column: &BinaryViewArray,
        _ty: &PgType,
        _owner: Option<(&BinaryViewArray, &PgType)>,
    ) -> Result<MaskedColumn, Unmasked> {
        unimplemented!()
    }
}
