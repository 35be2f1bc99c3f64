use super::super::axes::Axes;
use super::super::code::CODE;
use super::fixtures::structured;
use crate::kernels::products::Products;

#[test]
fn products_of_codes_are_near_those_of_the_rows() {
    let dimension = 700;
    let rows = structured(1000, dimension, 5);
    let axes = Axes::fit(&rows, dimension).unwrap();
    let codes = axes.codes(&rows);
    let products = Products::best();
    for (a, b) in (0..1000).map(|i| (i, (i * 7 + 40) % 1000)) {
        let exact = products.floats(
            &rows[a * dimension..][..dimension],
            &rows[b * dimension..][..dimension],
        );
        let code = products.bytes(&codes[a * CODE..][..CODE], &codes[b * CODE..][..CODE]);
        assert!((code as f32 * axes.unit() - exact).abs() < 0.04, "{a} {b}");
    }
}

#[test]
fn codes_of_many_rows_are_those_of_each() {
    let dimension = 300;
    let rows = structured(200, dimension, 6);
    let axes = Axes::fit(&rows, dimension).unwrap();
    let codes = axes.codes(&rows);
    for (row, code) in rows.chunks(dimension).zip(codes.chunks(CODE)) {
        let alone = axes.code(row);
        let differences = alone
            .iter()
            .zip(code)
            .map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs());
        // Sums in another order may round to the other side, and what is spread over columns with them.
        assert!(differences.max() <= Some(2));
    }
}

#[test]
fn axes_come_back_from_their_bytes_and_nonsense_is_refused() {
    let rows = structured(500, 90, 6);
    let axes = Axes::fit(&rows, 90).unwrap();
    let bytes = axes.to_bytes();
    assert_eq!(Axes::from_bytes(&bytes), Some(axes));
    for end in [0, 15, 16, 100, bytes.len() - 1] {
        assert_eq!(Axes::from_bytes(&bytes[..end]), None);
    }
    for place in [0, 4, 16] {
        let mut damaged = bytes.clone();
        damaged[place..place + 4].fill(0xff);
        assert_eq!(Axes::from_bytes(&damaged), None, "at {place}");
    }
}
