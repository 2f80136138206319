-- TRY: a message without end, with control characters and broken letters.
-- MUST: cut and cleaned, or an error.
-- NAMES: reject
-- ENDS: rejected failed
reject(("\0\27[31m\xFF\r\n<script>"):rep(10000))
