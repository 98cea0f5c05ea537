//! What tests build a masking function with.

use std::path::Path;

use super::{Build, Built, Context, FUNCTIONS, Function, Masking, Parameters, Refusal, TextMask, Uniqueness};
use crate::key::MasterKey;
use crate::schema::PgType;

/// A function built under the key of 32 zero bytes.
pub struct Tester {
    mask: Box<dyn TextMask>,
    ty: PgType,
    owner: Option<&'static str>,
    /// How far different values stay different.
    pub uniqueness: Uniqueness,
    /// The most characters of a result.
    pub max_chars: Option<u32>,
}

impl Tester {
    /// `function` with the parameters of `rule`, on a column of that type.
    #[track_caller]
    pub fn new(function: &Function, rule: &str, ty: PgType) -> Self {
        let built = prepared(function, rule, &ty).unwrap();
        let Masking::Text(mask) = built.masking else { panic!("it masks text") };
        Tester { mask, ty, owner: None, uniqueness: built.uniqueness, max_chars: built.max_chars }
    }

    /// Why the function refuses `rule` on a column of that type.
    #[track_caller]
    pub fn refused(function: &Function, rule: &str, ty: PgType) -> String {
        let refusal = prepared(function, rule, &ty).err().expect("it is refused");
        assert!(refusal.hint.is_some());
        refusal.what
    }

    /// The same for values of one owner.
    pub fn by(self, owner: &'static str) -> Self {
        Tester { owner: Some(owner), ..self }
    }

    /// What `value` becomes.
    pub fn masked(&self, value: &str) -> Result<String, &'static str> {
        let (mut out, mut scratch) = (String::new(), Vec::new());
        let subject = match self.owner {
            Some(owner) => owner.as_bytes(),
            None => super::canonical::canonical(&self.ty, value.as_bytes(), &mut scratch),
        };
        self.mask.mask(value, subject, &mut out).map(|()| out)
    }
}

fn prepared(function: &Function, rule: &str, ty: &PgType) -> Result<Built, Refusal> {
    let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
    let context = Context {
        key: &key,
        functions: FUNCTIONS,
        locale: None,
        folder: Path::new(""),
        lists: &crate::functions::lists::Lists::default(),
    };
    let parameters = Parameters(toml::from_str(rule).unwrap());
    let domain = key.domain(function.domain);
    function
        .prepare(&Build { is_column: true, ..Build::new(&parameters, ty, &domain, false).within(&context) })
}
