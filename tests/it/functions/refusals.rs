//! No bytes make a function panic, and a rule that is wrong is refused with a hint.

use arrow::array::Array;
use pgmask::functions::{Build, FUNCTIONS, Parameters};
use pgmask::key::MasterKey;
use pgmask::schema::PgType;
use proptest::prelude::*;

use super::{Masker, column, exemplary};

#[test]
fn a_wrong_rule_is_refused_with_a_hint() {
    let refused = |name: &str, ty: &PgType, rule: &str, by: bool| {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test");
        let parameters = Parameters(toml::from_str(rule).unwrap());
        let function = pgmask::functions::find(name).unwrap();
        let refusal = function.prepare(&Build::new(&parameters, ty, &key, by)).err().unwrap();
        assert!(refusal.hint.is_some());
        refusal.what
    };
    let text = &PgType::Text;
    assert_eq!(refused("email", &PgType::Int4, "", false), "`email` does not take the type `integer`");
    assert_eq!(refused("hash", text, "lenght = 8", false), "`hash` has no parameter `lenght`");
    assert_eq!(refused("hash", text, "length = 65", false), "`length` is 65, out of bounds");
    assert_eq!(refused("uuid", text, "", true), "`uuid` takes no `by`");
    assert_eq!(
        refused("first_name", text, "max_length = 1", false),
        "`max_length` is shorter than any result"
    );
    assert_eq!(refused("integer_id", &PgType::Int4, "min = 5\nmax = 4", false), "`min` 5 is above `max` 4");
    assert_eq!(refused("fixed", text, "", false), "`fixed` has no `value`");
}

#[test]
fn arbitrary_bytes_never_panic() {
    let maskers: Vec<Masker> = FUNCTIONS.iter().map(|function| Masker::new(exemplary(function, 0))).collect();
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let inputs = (bytes, "\\PC{0,40}", "[-+{]?[0-9a-f :.-]{0,40}( BC|\\})?");
    proptest!(|((bytes, text, numbers) in inputs)| {
        let values = column(&[Some(&bytes), Some(text.as_bytes()), Some(numbers.as_bytes())]);
        for (function, masker) in FUNCTIONS.iter().zip(&maskers) {
            prop_assert_eq!(masker.mask(&values, &function.example.ty, None).len(), 3);
        }
    });
}
