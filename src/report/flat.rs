//! A record taken apart: its fields by name, each as the text of one cell. No tree of values is built in between: of a
//! capture of a million flows there are fifty million cells.
//!
//! In: anything that serialises to an object. Out: name, text and [`Kind`] of each field, in the record's order.
//! Must not know: columns, or how a cell is written.

use std::fmt;
use std::io::Write as _;

use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

/// What a text was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: the text is empty.
    Null,
    /// A number, or true or false.
    Plain,
    /// A string.
    Text,
    /// A list, or an object of a list.
    Many,
}

/// What takes the fields.
type Sink<'s> = &'s mut dyn FnMut(&str, &[u8], Kind);

/// Room for one name and one text, kept from record to record.
#[derive(Default)]
pub(super) struct Scratch {
    name: String,
    text: Vec<u8>,
}

/// Hands every field of `record` to `sink`. Objects become `outer_inner`, lists are joined by `; `.
///
/// # Errors
/// A record that has no plain form: bytes, or a variant with fields.
pub(super) fn take(record: &impl Serialize, scratch: &mut Scratch, sink: Sink<'_>) -> Result<(), fmt::Error> {
    let Scratch { name, text } = scratch;
    name.clear();
    text.clear();
    record.serialize(Part { of: &mut Taking { name, text, sink }, whole: true })?;
    Ok(())
}

struct Taking<'s> {
    /// Of the field, with those that it lies in.
    name: &'s mut String,
    /// Of the cell, as far as it has come.
    text: &'s mut Vec<u8>,
    sink: Sink<'s>,
}

/// One value: a whole cell, or a part of one.
struct Part<'a, 's> {
    of: &'a mut Taking<'s>,
    whole: bool,
}

impl Part<'_, '_> {
    fn end(self, kind: Kind) -> Result<Kind, fmt::Error> {
        if self.whole {
            (self.of.sink)(self.of.name, self.of.text, kind);
            self.of.text.clear();
        }
        Ok(kind)
    }

    /// A number as JSON writes it.
    fn plain(self, value: &impl Serialize) -> Result<Kind, fmt::Error> {
        serde_json::to_writer(&mut *self.of.text, value).map_err(|_| fmt::Error)?;
        self.end(Kind::Plain)
    }
}

impl<'a, 's> Serializer for Part<'a, 's> {
    type Ok = Kind;
    type Error = fmt::Error;
    type SerializeSeq = List<'a, 's>;
    type SerializeTuple = List<'a, 's>;
    type SerializeTupleStruct = List<'a, 's>;
    type SerializeTupleVariant = Impossible<Kind, fmt::Error>;
    type SerializeMap = Object<'a, 's>;
    type SerializeStruct = Object<'a, 's>;
    type SerializeStructVariant = Impossible<Kind, fmt::Error>;

    fn serialize_bool(self, value: bool) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_i8(self, value: i8) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_i16(self, value: i16) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_i32(self, value: i32) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_i64(self, value: i64) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_u8(self, value: u8) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_u16(self, value: u16) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_u32(self, value: u32) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_u64(self, value: u64) -> Result<Kind, fmt::Error> {
        self.plain(&value)
    }

    fn serialize_f32(self, value: f32) -> Result<Kind, fmt::Error> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<Kind, fmt::Error> {
        if value.is_finite() { self.plain(&value) } else { self.end(Kind::Null) }
    }

    fn serialize_char(self, value: char) -> Result<Kind, fmt::Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Kind, fmt::Error> {
        self.of.text.extend_from_slice(value.as_bytes());
        self.end(Kind::Text)
    }

    fn collect_str<T: ?Sized + fmt::Display>(self, value: &T) -> Result<Kind, fmt::Error> {
        write!(self.of.text, "{value}").map_err(|_| fmt::Error)?;
        self.end(Kind::Text)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Kind, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_none(self) -> Result<Kind, fmt::Error> {
        self.end(Kind::Null)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Kind, fmt::Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Kind, fmt::Error> {
        self.end(Kind::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Kind, fmt::Error> {
        self.end(Kind::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Kind, fmt::Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<Kind, fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Kind, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a, 's>, fmt::Error> {
        Ok(List { part: self, empty: true })
    }

    fn serialize_tuple(self, length: usize) -> Result<List<'a, 's>, fmt::Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List<'a, 's>, fmt::Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a, 's>, fmt::Error> {
        let start = self.of.text.len();
        Ok(Object { part: self, key: String::new(), start, empty: true, pairs: Vec::new(), words: true })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Object<'a, 's>, fmt::Error> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }
}

/// A list, joined by `; `.
struct List<'a, 's> {
    part: Part<'a, 's>,
    empty: bool,
}

impl List<'_, '_> {
    fn add<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), fmt::Error> {
        if !std::mem::take(&mut self.empty) {
            self.part.of.text.extend_from_slice(b"; ");
        }
        value.serialize(Part { of: self.part.of, whole: false })?;
        Ok(())
    }
}

impl ser::SerializeSeq for List<'_, '_> {
    type Ok = Kind;
    type Error = fmt::Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), fmt::Error> {
        self.add(value)
    }

    fn end(self) -> Result<Kind, fmt::Error> {
        self.part.end(Kind::Many)
    }
}

impl ser::SerializeTuple for List<'_, '_> {
    type Ok = Kind;
    type Error = fmt::Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), fmt::Error> {
        self.add(value)
    }

    fn end(self) -> Result<Kind, fmt::Error> {
        self.part.end(Kind::Many)
    }
}

impl ser::SerializeTupleStruct for List<'_, '_> {
    type Ok = Kind;
    type Error = fmt::Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), fmt::Error> {
        self.add(value)
    }

    fn end(self) -> Result<Kind, fmt::Error> {
        self.part.end(Kind::Many)
    }
}

/// An object. As a whole, its fields are cells of their own. In a list it is told in one breath: its words, or, where it
/// has figures, `name=value` of all that is known.
struct Object<'a, 's> {
    part: Part<'a, 's>,
    /// Of a map, the latest.
    key: String,
    /// Where its words begin in the text.
    start: usize,
    empty: bool,
    pairs: Vec<u8>,
    /// All values are strings so far.
    words: bool,
}

impl Object<'_, '_> {
    fn add<T: ?Sized + Serialize>(&mut self, key: &str, value: &T) -> Result<(), fmt::Error> {
        if self.part.whole { self.cell(key, value) } else { self.word(key, value) }
    }

    fn cell<T: ?Sized + Serialize>(&mut self, key: &str, value: &T) -> Result<(), fmt::Error> {
        let of = &mut *self.part.of;
        let outer = of.name.len();
        if outer > 0 {
            of.name.push('_');
        }
        of.name.push_str(key);
        value.serialize(Part { of, whole: true })?;
        self.part.of.name.truncate(outer);
        Ok(())
    }

    fn word<T: ?Sized + Serialize>(&mut self, key: &str, value: &T) -> Result<(), fmt::Error> {
        let of = &mut *self.part.of;
        if !std::mem::take(&mut self.empty) {
            of.text.push(b' ');
        }
        let from = of.text.len();
        let kind = value.serialize(Part { of, whole: false })?;
        self.words &= kind == Kind::Text;
        if kind != Kind::Null {
            if !self.pairs.is_empty() {
                self.pairs.push(b' ');
            }
            self.pairs.extend_from_slice(key.as_bytes());
            self.pairs.push(b'=');
            // A list within is joined by a comma.
            let mut rest = self.part.of.text.get(from..).unwrap_or_default();
            while let Some(at) = rest.windows(2).position(|pair| pair == b"; ") {
                self.pairs.extend_from_slice(rest.get(..at).unwrap_or_default());
                self.pairs.push(b',');
                rest = rest.get(at + 2..).unwrap_or_default();
            }
            self.pairs.extend_from_slice(rest);
        }
        Ok(())
    }

    fn finish(self) -> Result<Kind, fmt::Error> {
        if !self.part.whole && !self.words {
            self.part.of.text.truncate(self.start);
            self.part.of.text.extend_from_slice(&self.pairs);
        }
        Ok(Kind::Many)
    }
}

impl ser::SerializeStruct for Object<'_, '_> {
    type Ok = Kind;
    type Error = fmt::Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<(), fmt::Error> {
        self.add(key, value)
    }

    fn end(self) -> Result<Kind, fmt::Error> {
        self.finish()
    }
}

impl ser::SerializeMap for Object<'_, '_> {
    type Ok = Kind;
    type Error = fmt::Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), fmt::Error> {
        let of = &mut *self.part.of;
        let from = of.text.len();
        key.serialize(Part { of, whole: false })?;
        self.key = String::from_utf8_lossy(&self.part.of.text.split_off(from)).into_owned();
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), fmt::Error> {
        let key = std::mem::take(&mut self.key);
        self.add(&key, value)
    }

    fn end(self) -> Result<Kind, fmt::Error> {
        self.finish()
    }
}
