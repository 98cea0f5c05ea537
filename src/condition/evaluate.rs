//! Conditions over batches, by Arrow's compute kernels.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Datum, Int64Array, StringArray, UInt32Array,
};
use arrow::compute::kernels::cmp;
use arrow::compute::kernels::numeric;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and_kleene, ilike, is_null, like, not, or_kleene, take};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;

use super::cast::cast;
use super::expression::{Arithmetic, Comparison, DECIMAL_DIGITS, Expression, Node, Type};
use super::interval::Interval;

/// Why an operation fails, without the values.
type Reason = &'static str;

/// The columns that a condition reads.
pub struct Inputs<'a> {
    /// Their values, typed.
    pub columns: &'a [ArrayRef],
    /// Their COPY text.
    pub raw: &'a [&'a BinaryViewArray],
    /// How many rows there are.
    pub rows: usize,
}

/// A value for each row, or one for all of them.
enum Values {
    Each(ArrayRef),
    One(ArrayRef),
}

impl Values {
    fn array(&self) -> &ArrayRef {
        match self {
            Values::Each(array) | Values::One(array) => array,
        }
    }

    /// The same kind of values after `map`, which gives as many as it takes.
    fn map(&self, map: impl FnOnce(&ArrayRef) -> Result<ArrayRef, Reason>) -> Result<Values, Reason> {
        let mapped = map(self.array())?;
        Ok(match self {
            Values::Each(_) => Values::Each(mapped),
            Values::One(_) => Values::One(mapped),
        })
    }

    /// A value for each of `rows` rows.
    fn spread(self, rows: usize) -> Result<ArrayRef, Reason> {
        match self {
            Values::Each(array) => Ok(array),
            Values::One(one) => {
                take(&one, &UInt32Array::from(vec![0; rows]), None).map_err(|error| reason(&error))
            }
        }
    }
}

impl Datum for Values {
    fn get(&self) -> (&dyn Array, bool) {
        match self {
            Values::Each(array) => (array, false),
            Values::One(array) => (array, true),
        }
    }
}

/// For each row true, false or NULL.
///
/// # Errors
/// An operation that fails: an overflow, a division by zero, a text that is no value of the type it is cast to.
pub fn truth(expression: &Expression, inputs: &Inputs<'_>) -> Result<BooleanArray, Reason> {
    let values = evaluate(expression, inputs)?.spread(inputs.rows)?;
    Ok(values.as_boolean().clone())
}

fn evaluate(expression: &Expression, inputs: &Inputs<'_>) -> Result<Values, Reason> {
    let of = |operand: &Expression| evaluate(operand, inputs);
    let bools = |array: BooleanArray| Ok(Values::Each(Arc::new(array)));
    match &expression.node {
        Node::Column(input) => Ok(Values::Each(inputs.columns[*input].clone())),
        Node::Literal { value, .. } => Ok(Values::One(value.clone())),
        Node::All(operands) => bools(fold(operands, inputs, and_kleene)?),
        Node::Any(operands) => bools(fold(operands, inputs, or_kleene)?),
        Node::Not(operand) => bools(not(&truth(operand, inputs)?).map_err(|error| reason(&error))?),
        Node::Compare(how, left, right) => {
            let (left, right) = (equal_form(of(left)?, &left.ty)?, equal_form(of(right)?, &right.ty)?);
            bools(spread_bools(compare(*how, &left, &right)?, inputs.rows))
        }
        Node::In(value, list) => bools(is_in(value, list, inputs)?),
        Node::IsNull(operand) => {
            bools(is_null(&of(operand)?.spread(inputs.rows)?).map_err(|error| reason(&error))?)
        }
        Node::Is(operand, asked) => {
            let truth = truth(operand, inputs)?;
            bools(truth.iter().map(|value| Some(value == *asked)).collect())
        }
        Node::Like { text, pattern, ignores_case } => {
            let (text, pattern) = (of(text)?, of(pattern)?);
            let matches = if *ignores_case { ilike(&text, &pattern) } else { like(&text, &pattern) };
            bools(spread_bools(matches.map_err(|error| reason(&error))?, inputs.rows))
        }
        Node::Arithmetic(how, left, right) => arithmetic(*how, &of(left)?, &of(right)?, &expression.ty),
        Node::Negate(operand) => {
            of(operand)?.map(|array| numeric::neg(array).map_err(|error| reason(&error)))
        }
        Node::Shift(moment, interval) => of(moment)?.map(|array| shift(array, *interval)),
        Node::AddDays(date, days) => dates(&of(date)?, &of(days)?, true, inputs.rows),
        Node::DaysBetween(end, start) => dates(&of(end)?, &of(start)?, false, inputs.rows),
        Node::Cast(operand) => {
            let raw = match operand.node {
                Node::Column(input) => Some(inputs.raw[input]),
                _ => None,
            };
            of(operand)?.map(|array| cast(array, &operand.ty, &expression.ty, raw))
        }
        Node::Coalesce(operands) => coalesce(operands, inputs),
        Node::Lower(operand) => of(operand)?.map(|array| Ok(texts(array, str::to_lowercase))),
        Node::Upper(operand) => of(operand)?.map(|array| Ok(texts(array, str::to_uppercase))),
    }
}

fn fold(
    operands: &[Expression],
    inputs: &Inputs<'_>,
    combine: impl Fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, ArrowError>,
) -> Result<BooleanArray, Reason> {
    let (first, others) = operands.split_first().expect("a chain has operands");
    let mut result = truth(first, inputs)?;
    for operand in others {
        result = combine(&result, &truth(operand, inputs)?).map_err(|error| reason(&error))?;
    }
    Ok(result)
}

/// Values in the form in which equal ones are the same: no trailing blanks, no case, no sign of a zero or NaN, where
/// these do not count.
fn equal_form(values: Values, ty: &Type) -> Result<Values, Reason> {
    match ty {
        Type::Padded => values.map(|array| Ok(texts(array, |text| text.trim_end_matches(' ').to_string()))),
        Type::CaseInsensitive => values.map(|array| Ok(texts(array, str::to_lowercase))),
        // Arrow tells the zeros apart, and the NaNs; adding 0 makes -0 the other one.
        Type::Float => values.map(|array| {
            let one_form = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
            Ok(Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(one_form)))
        }),
        _ => Ok(values),
    }
}

fn compare(how: Comparison, left: &Values, right: &Values) -> Result<BooleanArray, Reason> {
    let kernel = match how {
        Comparison::Equal => cmp::eq,
        Comparison::NotEqual => cmp::neq,
        Comparison::Less => cmp::lt,
        Comparison::LessOrEqual => cmp::lt_eq,
        Comparison::Greater => cmp::gt,
        Comparison::GreaterOrEqual => cmp::gt_eq,
        Comparison::Distinct => cmp::distinct,
        Comparison::NotDistinct => cmp::not_distinct,
    };
    kernel(left, right).map_err(|error| reason(&error))
}

/// `value IN (list)`: true if one is equal, else NULL if one comparison is NULL, else false.
fn is_in(value: &Expression, list: &[Expression], inputs: &Inputs<'_>) -> Result<BooleanArray, Reason> {
    let candidates = equal_form(evaluate(value, inputs)?, &value.ty)?;
    let mut result: Option<BooleanArray> = None;
    for item in list {
        let item = equal_form(evaluate(item, inputs)?, &item.ty)?;
        let equal = spread_bools(compare(Comparison::Equal, &candidates, &item)?, inputs.rows);
        result = Some(match result {
            None => equal,
            Some(known) => or_kleene(&known, &equal).map_err(|error| reason(&error))?,
        });
    }
    Ok(result.unwrap_or_else(|| BooleanArray::from(vec![false; inputs.rows])))
}

/// What two single values gave, for every row.
fn spread_bools(array: BooleanArray, rows: usize) -> BooleanArray {
    match array.len() == rows {
        true => array,
        false => {
            let one = array.is_valid(0).then(|| array.value(0));
            std::iter::repeat_n(one, rows).collect()
        }
    }
}

fn arithmetic(how: Arithmetic, left: &Values, right: &Values, ty: &Type) -> Result<Values, Reason> {
    let both_one = matches!((left, right), (Values::One(_), Values::One(_)));
    let result = match (how, ty) {
        (Arithmetic::Divide, Type::Numeric(scale)) => divide_decimals(left, right, *scale)?,
        (how, ty) => {
            let kernel = match how {
                Arithmetic::Add => numeric::add,
                Arithmetic::Subtract => numeric::sub,
                Arithmetic::Multiply => numeric::mul,
                Arithmetic::Divide => numeric::div,
                Arithmetic::Remainder => numeric::rem,
            };
            let result = kernel(left, right).map_err(|error| reason(&error))?;
            match ty {
                Type::Numeric(scale) => with_scale(&result, *scale)?,
                _ => result,
            }
        }
    };
    Ok(if both_one { Values::One(result) } else { Values::Each(result) })
}

/// A quotient with `scale` decimals, the rest cut off.
fn divide_decimals(left: &Values, right: &Values, scale: i8) -> Result<ArrayRef, Reason> {
    let DataType::Decimal256(_, divisor_scale) = right.array().data_type().clone() else {
        return Err("a division of the condition is not one of numbers");
    };
    let raised = left.map(|array| with_scale(array, scale + divisor_scale))?;
    let quotient = numeric::div(&raised, right).map_err(|error| reason(&error))?;
    with_scale(&quotient, scale)
}

fn with_scale(array: &ArrayRef, scale: i8) -> Result<ArrayRef, Reason> {
    let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
    arrow::compute::cast_with_options(array, &DataType::Decimal256(DECIMAL_DIGITS, scale), &options)
        .map_err(|error| reason(&error))
}

fn shift(array: &ArrayRef, interval: Interval) -> Result<ArrayRef, Reason> {
    let moved: Int64Array = array
        .as_primitive::<Int64Type>()
        .try_unary(|at| interval.shift(at).ok_or("a date of the condition is out of bounds"))?;
    Ok(Arc::new(moved))
}

/// The sum of dates and days, or the days between dates. An infinite date stays; the days from one have no number.
fn dates(left: &Values, right: &Values, is_sum: bool, rows: usize) -> Result<Values, Reason> {
    let spread = |values: &Values| match values {
        Values::Each(array) => Ok(array.clone()),
        Values::One(one) => Values::One(one.clone()).spread(rows),
    };
    let (left, right) = (spread(left)?, spread(right)?);
    let is_infinite = |date: i64| date == i64::MIN || date == i64::MAX;
    let result = arrow::compute::try_binary(
        left.as_primitive::<Int64Type>(),
        right.as_primitive::<Int64Type>(),
        |left, right| match is_sum {
            true if is_infinite(left) => Ok(left),
            true => left.checked_add(right).ok_or_else(overflow),
            false if is_infinite(left) || is_infinite(right) => Err(overflow()),
            false => left.checked_sub(right).ok_or_else(overflow),
        },
    );
    let result: Int64Array = result.map_err(|error| reason(&error))?;
    Ok(Values::Each(Arc::new(result)))
}

fn overflow() -> ArrowError {
    ArrowError::ArithmeticOverflow(String::new())
}

fn coalesce(operands: &[Expression], inputs: &Inputs<'_>) -> Result<Values, Reason> {
    let (last, others) = operands.split_last().expect("coalesce has operands");
    let mut result = evaluate(last, inputs)?.spread(inputs.rows)?;
    for operand in others.iter().rev() {
        let preferred = evaluate(operand, inputs)?.spread(inputs.rows)?;
        let is_missing = is_null(&preferred).map_err(|error| reason(&error))?;
        result = zip(&is_missing, &result, &preferred).map_err(|error| reason(&error))?;
    }
    Ok(Values::Each(result))
}

fn texts(array: &ArrayRef, map: impl Fn(&str) -> String) -> ArrayRef {
    let texts: &StringArray = array.as_string::<i32>();
    Arc::new(texts.iter().map(|text| text.map(&map)).collect::<StringArray>())
}

/// What an error of Arrow was about; its message may quote values.
fn reason(error: &ArrowError) -> Reason {
    match error {
        ArrowError::DivideByZero => "the condition divides by zero",
        ArrowError::ArithmeticOverflow(_) => "a calculation of the condition is out of bounds",
        _ => "an operation of the condition fails",
    }
}
