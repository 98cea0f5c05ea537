//! The order of masks that ask for the masked values of other columns: no column may wait for itself.

use std::collections::HashSet;

use super::bind::ColumnAction;
use crate::functions::Form;

/// The columns of a table that wait for each other's masked values, or for one that does.
pub fn waiting(actions: &[ColumnAction]) -> Vec<usize> {
    let mut waiting: Vec<&ColumnAction> = actions.iter().collect();
    loop {
        let open: HashSet<usize> = waiting.iter().map(|action| action.column).collect();
        let waits = |action: &&ColumnAction| {
            let mut masked = action.inputs.iter().filter(|input| input.form == Form::Masked);
            masked.any(|input| open.contains(&input.column))
        };
        waiting.retain(waits);
        if waiting.len() == open.len() {
            return waiting.iter().map(|action| action.column).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masked::Action;
    use crate::rules::{ColumnInput, Decision};

    fn action(column: usize, asks_for: &[(usize, Form)]) -> ColumnAction {
        ColumnAction {
            column,
            action: Action::Keep,
            function: "template",
            domain: String::new(),
            parameters: String::new(),
            by: None,
            when: None,
            inputs: asks_for.iter().map(|&(column, form)| ColumnInput { column, form }).collect(),
            decided_by: Decision::Unlisted,
        }
    }

    #[test]
    fn only_columns_in_a_cycle_or_behind_one_wait() {
        let (original, masked) = (Form::Original, Form::Masked);
        let chain = [action(0, &[(1, masked)]), action(1, &[(2, masked)]), action(2, &[(0, original)])];
        assert!(waiting(&chain).is_empty());
        let cycle = [action(0, &[(1, masked)]), action(1, &[(2, masked)]), action(2, &[(1, masked)])];
        assert_eq!(waiting(&cycle), [0, 1, 2]);
    }
}
