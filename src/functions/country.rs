//! `country`: a country, by name or by code.

use super::draws::place;
use super::phrase::{MAX_LENGTH, max_length, too_short};
use super::places::{ADDRESS, Part, PlaceMask, is_code};
use super::words::{LOCALE, distinct, locale};
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static COUNTRY: Function = Function {
    name: "country",
    summary: "Replace a country by another, a code of ISO 3166-1 by a code; with `by`, by that of the owner's city, which is \
              the locale's",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example {
        rule: r#""country""#,
        ty: PgType::Text,
        input: "Portugal",
        output: Some("Russian Federation"),
    },
    domain: "country",
    domain_by: Some(ADDRESS),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// Codes of three letters (ISO 3166-1 alpha-3).
const THREE_LETTERS: &str = "\
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM BLR \
    BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP \
    CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB \
    GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN \
    KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD \
    MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN \
    PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM \
    SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR \
    UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE";

struct Country {
    key: DomainKey,
    /// Codes of two letters, of three, and names.
    forms: [Vec<&'static str>; 3],
}

impl TextMask for Country {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let countries = match (is_code(value), value.trim().len()) {
            (true, 2) => &self.forms[0],
            (true, 3) => &self.forms[1],
            _ => &self.forms[2],
        };
        let drawn = place(&self.key.prf(subject), 0, countries.len());
        let is_itself = countries[drawn].to_lowercase() == value.trim().to_lowercase();
        out.push_str(countries[(drawn + usize::from(is_itself)) % countries.len()]);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    if build.by {
        return PlaceMask::build(build, Part::Country);
    }
    let words = locale(build.parameters)?;
    let mut names = distinct(words.countries);
    if let Some(limit) = max_length(build)? {
        let chars = |name: &&str| name.chars().count();
        let least = names.iter().map(chars).min().unwrap_or(0).max(3);
        names.retain(|name| chars(name) <= limit);
        if names.is_empty() || limit < 3 {
            return Err(too_short(least));
        }
    }
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(3);
    let forms = [distinct(words.country_codes), THREE_LETTERS.split_whitespace().collect(), names];
    Ok(Built::text(Country { key: build.key.clone(), forms }, Uniqueness::None, Some(longest as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_code_becomes_a_code_of_as_many_letters() {
        let mask = Tester::new(&COUNTRY, "", PgType::Text);
        for (value, len) in [("PT", 2), ("PRT", 3)] {
            let result = mask.masked(value).unwrap();
            assert!(is_code(&result) && result.len() == len && result != value, "{result}");
        }
        assert!(mask.masked("Portugal").unwrap().len() > 3);
        assert_eq!(THREE_LETTERS.split_whitespace().count(), 249);
    }
}
