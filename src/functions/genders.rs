//! Names of one gender: where a rule asks for it, what each row is to get.

use std::collections::HashMap;

use super::row::{Form, Input, Row, RowScratch};
use super::words::{Locale, distinct};
use super::{Build, Parameter, Refusal};

/// The parameter that says the gender of names.
pub const GENDER: Parameter = Parameter {
    name: "gender",
    help: "\"female\" or \"male\" for names of that gender alone; \"keep\" for one of the gender of the original name, as \
           far as the locale's list tells it; default any",
};

/// The parameter that names the column which says the gender.
pub const GENDER_FROM: Parameter = Parameter {
    name: "gender_from",
    help: "the column of the row that says the gender, such as `F`, `male`, `weiblich` or `2` (ISO/IEC 5218): the name is \
           one of that gender, and of any where it says none; all columns of a person that name it agree",
};

/// A gender that names are given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gender {
    Female,
    Male,
}

/// How a gender is written in columns: in pairs, female and male, lower case.
pub const SPELLINGS: &[(&str, &str)] = &[
    ("f", "m"),
    ("female", "male"),
    ("2", "1"),
    ("woman", "man"),
    ("girl", "boy"),
    ("mrs", "mr"),
    ("ms", "mr"),
    ("w", "m"),
    ("weiblich", "männlich"),
    ("frau", "herr"),
    ("femme", "homme"),
    ("féminin", "masculin"),
    ("mme", "m."),
    ("mujer", "hombre"),
    ("femenino", "masculino"),
    ("feminino", "masculino"),
    ("mulher", "homem"),
    ("femmina", "maschio"),
    ("donna", "uomo"),
    ("vrouw", "man"),
    ("v", "m"),
    ("kadın", "erkek"),
    ("女", "男"),
    ("女性", "男性"),
    ("زن", "مرد"),
    ("أنثى", "ذكر"),
];

impl Gender {
    /// The gender that a value of a column says.
    pub fn of(value: &str) -> Option<Gender> {
        let value = value.trim().trim_end_matches('.').to_lowercase();
        let is = |spelling: &str| spelling.trim_end_matches('.') == value;
        SPELLINGS.iter().find_map(|(female, male)| match (is(female), is(male)) {
            (true, _) => Some(Gender::Female),
            (_, true) => Some(Gender::Male),
            _ => None,
        })
    }
}

/// One `T` for names of any gender, and where there are such names one for each gender.
pub struct Gendered<T> {
    any: T,
    female: Option<T>,
    male: Option<T>,
    choice: Choice,
}

enum Choice {
    Any,
    Always(Gender),
    /// That of the original name, by lists of names in lower case.
    OfName(HashMap<String, Gender>),
    /// That in the first input.
    OfColumn,
}

impl<T> Gendered<T> {
    /// What `of` makes of the given names of `locale`, for the genders that the rule asks for; and the column that the
    /// mask must be given.
    ///
    /// # Errors
    /// If a parameter is wrong, or the locale has no names of the gender; the refusals of `of`.
    pub fn new(
        build: &Build<'_>,
        locale: &Locale,
        of: impl Fn(Vec<&'static str>) -> Result<T, Refusal>,
    ) -> Result<(Self, Vec<Input>), Refusal> {
        let choices = [("female", Some(Gender::Female)), ("male", Some(Gender::Male)), ("keep", None)];
        let gender = build.parameters.choice("gender", &choices)?;
        let column = build.parameters.text("gender_from")?;
        let choice = match (gender, column) {
            (Some(_), Some(_)) => {
                let refusal = Refusal::new("`gender` and `gender_from` both say the gender");
                return Err(refusal.hint("leave one of them out"));
            }
            (Some(None), None) if build.by => {
                let refusal =
                    Refusal::new("with `by`, the gender of a name cannot be that of the original one");
                return Err(refusal.hint(
                    "name the column that says it as `gender_from`, so that all columns of an owner agree",
                ));
            }
            (Some(None), None) => Choice::OfName(genders(locale.name)),
            (Some(Some(gender)), None) => Choice::Always(gender),
            (None, Some(_)) => Choice::OfColumn,
            (None, None) => Choice::Any,
        };
        let of_gender = |gender: Gender| match choice {
            Choice::Any => Ok(None),
            _ => Some(names(locale, gender)).filter(|names| !names.is_empty()).map(&of).transpose(),
        };
        let gendered = Gendered {
            any: of(distinct(locale.first_names))?,
            female: of_gender(Gender::Female)?,
            male: of_gender(Gender::Male)?,
            choice,
        };
        if let Choice::Always(gender) = gendered.choice
            && gendered.of_gender(gender).is_none()
        {
            let what = format!("there are no names of that gender for the locale `{}`", locale.name);
            return Err(Refusal::new(what).hint("leave `gender` out, or name another locale"));
        }
        let input =
            |column: &str| Input { column: column.to_string(), form: Form::Masked, parameter: "gender_from" };
        Ok((gendered, column.map(input).into_iter().collect()))
    }

    /// The one for a value and its row.
    pub fn choose(&self, value: &str, row: &Row<'_>) -> &T {
        let gender = match &self.choice {
            Choice::Any => None,
            Choice::Always(gender) => Some(*gender),
            Choice::OfName(genders) => of_name(value, genders),
            Choice::OfColumn => {
                let mut scratch = RowScratch::default();
                row.get(0, &mut scratch).and_then(|value| Gender::of(std::str::from_utf8(value).ok()?))
            }
        };
        gender.and_then(|gender| self.of_gender(gender)).unwrap_or(&self.any)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [Some(&self.any), self.female.as_ref(), self.male.as_ref()].into_iter().flatten()
    }

    fn of_gender(&self, gender: Gender) -> Option<&T> {
        match gender {
            Gender::Female => self.female.as_ref(),
            Gender::Male => self.male.as_ref(),
        }
    }
}

/// The gender of the first given name in `value`: a word, or in scripts without blanks its end.
fn of_name(value: &str, genders: &HashMap<String, Gender>) -> Option<Gender> {
    let find = |name: &str| genders.get(name.to_lowercase().as_str()).copied();
    let words = || value.split_whitespace();
    let ends =
        || words().flat_map(|word| word.char_indices().skip(1).take(2).map(move |(at, _)| &word[at..]));
    find(value.trim()).or_else(|| words().find_map(find)).or_else(|| match value.is_ascii() {
        true => None,
        false => ends().find_map(find),
    })
}

/// Names and their genders, by locale.
const LISTS: &str = include_str!("words/genders.txt");

/// The names of a section of [`LISTS`], such as `de_DE female`.
fn section(title: &str) -> impl Iterator<Item = &'static str> + use<> {
    let start = LISTS.find(&format!("[{title}]\n")).map_or(LISTS.len(), |at| at + title.len() + 3);
    let section = &LISTS[start..];
    let section = section.split_once("\n[").map_or(section, |(section, _)| section);
    section.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty())
}

fn names(locale: &Locale, gender: Gender) -> Vec<&'static str> {
    section(&title(locale.name, gender)).collect()
}

fn genders(locale: &str) -> HashMap<String, Gender> {
    let of = |gender| section(&title(locale, gender)).map(move |name| (name.to_lowercase(), gender));
    of(Gender::Female).chain(of(Gender::Male)).collect()
}

fn title(locale: &str, gender: Gender) -> String {
    let gender = match gender {
        Gender::Female => "female",
        Gender::Male => "male",
    };
    format!("{locale} {gender}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::words::LOCALES;

    #[test]
    fn names_of_a_gender_are_of_the_locale_and_of_one_gender() {
        for locale in LOCALES {
            let [female, male] = [Gender::Female, Gender::Male].map(|gender| names(locale, gender));
            assert!(female.len() + male.len() >= 20, "{}", locale.name);
            assert!(
                female.iter().chain(&male).all(|name| locale.first_names.contains(name)),
                "{}",
                locale.name
            );
            assert!(female.iter().all(|name| !male.contains(name)), "{}", locale.name);
        }
    }

    #[test]
    fn a_gender_is_read_as_columns_write_it() {
        for (value, gender) in [("F", Gender::Female), (" male ", Gender::Male), ("Mrs.", Gender::Female)] {
            assert_eq!(Gender::of(value), Some(gender), "{value}");
        }
        assert_eq!(Gender::of("x"), None);
        assert_eq!(Gender::of(""), None);
    }

    #[test]
    fn the_gender_of_a_name_is_found_in_it() {
        let english = genders("en_US");
        assert_eq!(of_name("MARY", &english), Some(Gender::Female));
        assert_eq!(of_name("Dr John Smith", &english), Some(Gender::Male));
        assert_eq!(of_name("Zorblax", &english), None);
        assert_eq!(of_name("王文辉", &genders("zh_CN")), Some(Gender::Male));
    }
}
