//! Descriptors as NumPy reads them.

use std::io::{self, Write};

use imgsearch::descriptor::NamedDescriptor;

/// NumPy's format 1.0: a magic, the length of the header, the header padded to 64 bytes, the rows.
pub fn write(descriptors: &[NamedDescriptor], out: &mut dyn Write) -> io::Result<()> {
    let dimension = descriptors
        .first()
        .map_or(0, |first| first.descriptor.dimension());
    let rows = descriptors.len();
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimension}), }}");
    let length = (header.len() + 1 + 10).next_multiple_of(64) - 10;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(length as u16).to_le_bytes())?;
    writeln!(out, "{header:<width$}", width = length - 1)?;
    for one in descriptors {
        for value in one.descriptor.as_slice() {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}
