//! `job_title`: an invented job.

use super::phrase::{Choice, MAX_LENGTH, PhraseMask, Slot};
use super::words::{LOCALE, distinct, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static JOB_TITLE: Function = Function {
    name: "job_title",
    summary: "Replace a job title by an invented one",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example {
        rule: r#""job_title""#,
        ty: PgType::Text,
        input: "Chief Cook",
        output: Some("National Mining Orchestrator"),
    },
    domain: "job_title",
    domain_by: Some("job_title"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let words = locale(build.parameters)?;
        let slots = vec![
            Slot { name: "Seniority", draw: 0, choice: Choice::Words(distinct(words.job_seniorities)) },
            Slot { name: "Field", draw: 1, choice: Choice::Words(distinct(words.job_fields)) },
            Slot { name: "Position", draw: 2, choice: Choice::Words(distinct(words.job_positions)) },
        ];
        PhraseMask::build(build, words.job_title, slots)
    },
};
