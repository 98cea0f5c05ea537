//! Word lists of names, places and companies, by locale, from the `fake` crate.

use fake::locales::{self, Data};

use super::{Parameter, Parameters, Refusal};

/// The parameter that names a [`Locale`].
pub const LOCALE: Parameter = Parameter {
    name: "locale",
    help: "language and country of the words: ar_SA, cy_GB, de_DE, en_US, fa_IR, fr_FR, it_IT, ja_JP, nl_NL, pt_BR, \
           pt_PT, tr_TR, zh_CN or zh_TW; default \"en_US\"",
};

/// The words of a language and country. Templates name their slots in braces.
pub struct Locale {
    /// Such as `en_US`.
    pub name: &'static str,
    /// Given names.
    pub first_names: &'static [&'static str],
    /// Family names.
    pub last_names: &'static [&'static str],
    /// A full name of `{FirstName}` and `{LastName}`.
    pub full_name: &'static str,
    /// A city of `{CityName}`, which is a family name, and `{CitySuffix}`.
    pub city: &'static str,
    /// Ends of cities' names.
    pub city_suffixes: &'static [&'static str],
    /// A street of `{StreetName}`, which is a family name, and `{StreetSuffix}`.
    pub street: &'static str,
    /// Kinds of streets.
    pub street_suffixes: &'static [&'static str],
    /// A company of `{Name_1}`, which is a family name, and `{Suffix}`.
    pub company: &'static str,
    /// Legal forms of companies.
    pub company_suffixes: &'static [&'static str],
    /// A job of `{Seniority}`, `{Field}` and `{Position}`.
    pub job_title: &'static str,
    /// Words for how senior a job is.
    pub job_seniorities: &'static [&'static str],
    /// Fields of work.
    pub job_fields: &'static [&'static str],
    /// Positions in them.
    pub job_positions: &'static [&'static str],
    /// Names of countries.
    pub countries: &'static [&'static str],
    /// Codes of countries (ISO 3166-1 alpha-2).
    pub country_codes: &'static [&'static str],
}

const fn words_of<L: Data>(name: &'static str) -> Locale {
    Locale {
        name,
        first_names: L::NAME_FIRST_NAME,
        last_names: L::NAME_LAST_NAME,
        full_name: L::NAME_TPL,
        city: L::ADDRESS_CITY_TPL,
        city_suffixes: L::ADDRESS_CITY_SUFFIX,
        street: L::ADDRESS_STREET_TPL,
        street_suffixes: L::ADDRESS_STREET_SUFFIX,
        company: L::COMPANY_NAME_TPLS[0],
        company_suffixes: L::COMPANY_SUFFIX,
        job_title: L::JOB_TITLE_TPL,
        job_seniorities: L::JOB_SENIORITY,
        job_fields: L::JOB_FIELD,
        job_positions: L::JOB_POSITION,
        // A list of a few is one of spellings of the locale's own country.
        countries: if L::ADDRESS_COUNTRY.len() < 20 {
            locales::EN::ADDRESS_COUNTRY
        } else {
            L::ADDRESS_COUNTRY
        },
        country_codes: L::ADDRESS_COUNTRY_CODE,
    }
}

/// Every locale that there are words of.
pub static LOCALES: &[Locale] = &[
    words_of::<locales::AR_SA>("ar_SA"),
    words_of::<locales::CY_GB>("cy_GB"),
    words_of::<locales::DE_DE>("de_DE"),
    words_of::<locales::EN>("en_US"),
    words_of::<locales::FA_IR>("fa_IR"),
    words_of::<locales::FR_FR>("fr_FR"),
    words_of::<locales::IT_IT>("it_IT"),
    words_of::<locales::JA_JP>("ja_JP"),
    words_of::<locales::NL_NL>("nl_NL"),
    words_of::<locales::PT_BR>("pt_BR"),
    words_of::<locales::PT_PT>("pt_PT"),
    words_of::<locales::TR_TR>("tr_TR"),
    words_of::<locales::ZH_CN>("zh_CN"),
    words_of::<locales::ZH_TW>("zh_TW"),
];

/// The locale that the parameter `locale` names, else `en_US`.
///
/// # Errors
/// If there are no words of that locale.
pub fn locale(parameters: &Parameters) -> Result<&'static Locale, Refusal> {
    let choices: Vec<(&'static str, &'static Locale)> =
        LOCALES.iter().map(|locale| (locale.name, locale)).collect();
    match parameters.choice("locale", &choices)? {
        Some(locale) => Ok(locale),
        None => Ok(LOCALES.iter().find(|locale| locale.name == "en_US").expect("it is in the list")),
    }
}

/// The words of a list, each once: a list may name some twice.
pub fn distinct(list: &'static [&'static str]) -> Vec<&'static str> {
    let mut seen = std::collections::HashSet::new();
    list.iter().copied().filter(|word| !word.is_empty() && seen.insert(*word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_the_parameter_lists_every_locale() {
        assert!(LOCALES.iter().all(|locale| LOCALE.help.contains(locale.name)));
    }

    #[test]
    fn an_unknown_locale_names_the_nearest() {
        let parameters = Parameters(toml::from_str("locale = 'de_DD'").unwrap());
        let refusal = locale(&parameters).err().unwrap();
        assert!(refusal.hint.unwrap().starts_with("did you mean `de_DE`?"));
    }
}
