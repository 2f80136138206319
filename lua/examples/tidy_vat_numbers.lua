-- Cleaning what people type, and refusing what cannot be right.
return rule "tidy_vat_numbers" {
  name = "VAT numbers are written in one way",
  note = "Takes blanks and dots out of a VAT number, writes it in capitals, and refuses one that "
    .. "does not begin with the two letters of a country.",
  entity = "client", point = "before", changed = { "vat_number" },
  when = { vat_number = { empty = false } },
  source = [[
local number = text.upper(record.vat_number)
for _, mark in ipairs {" ", ".", "-", "/"} do
  number = text.replace(number, mark, "")
end
if not number:match("^%u%u%w+$") then
  reject("a VAT number begins with the two letters of its country", "vat_number")
end
record.vat_number = number
]],
  tests = {
    {
      name = "blanks and dots go",
      given = { record = { name = "Acme", kind = "individual", vat_number = "de 123.456.789" } },
      expected = {
        outcome = "done",
        changes = { { entity = "client", fields = { vat_number = { to = "DE123456789" } } } },
      },
    },
    {
      name = "digits alone are refused",
      given = { record = { name = "Acme", kind = "individual", vat_number = "123456789" } },
      expected = { outcome = "rejected", field = "vat_number" },
    },
  },
}
