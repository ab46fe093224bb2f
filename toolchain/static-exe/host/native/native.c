/*
 * Pure functions of the packages in C, which take a quarter of an ADD's instructions when interpreted. Each does what the
 * function of the same name does in JavaScript, in the file that the head of its own names. All these files are appended
 * to quickjs.c, so that they read strings and objects without copying them.
 */
int JS_AddNative(JSContext *ctx, JSValueConst global);

/* Defines __cnikit_native. */
int JS_AddNative(JSContext *ctx, JSValueConst global) {
  static const JSCFunctionListEntry functions[] = {
      JS_CFUNC_MAGIC_DEF("writeU16", 4, write_number, 2),
      JS_CFUNC_MAGIC_DEF("writeU32", 4, write_number, 4),
      JS_CFUNC_MAGIC_DEF("readU16", 3, read_number, 2),
      JS_CFUNC_MAGIC_DEF("readI32", 3, read_number, 4),
      JS_CFUNC_DEF("writeHeader", 5, write_header),
      JS_CFUNC_DEF("writeMessage", 8, write_message),
      JS_CFUNC_DEF("encodeAttributes", 2, encode_attributes),
      JS_CFUNC_DEF("findAttribute", 4, find_attribute),
      JS_CFUNC_DEF("answerType", 4, answer_type),
      JS_CFUNC_DEF("plainLength", 1, plain_length),
      JS_CFUNC_DEF("writePlain", 3, write_plain),
      JS_CFUNC_DEF("readPlain", 3, read_plain),
      JS_CFUNC_DEF("writeMac", 3, write_mac),
      JS_CFUNC_DEF("formatMac", 3, format_mac),
      JS_CFUNC_DEF("writeAddress", 5, write_address),
      JS_CFUNC_DEF("writePrefix", 3, write_prefix),
      JS_CFUNC_DEF("formatAddress", 3, format_address),
      JS_CFUNC_DEF("fillMessage", 7, fill_message),
      JS_CFUNC_DEF("digest", 2, digest),
      JS_CFUNC_DEF("isIdentifier", 1, is_identifier),
      JS_CFUNC_DEF("hasNormalKeys", 2, has_normal_keys),
      JS_CFUNC_DEF("lacksKeys", 2, lacks_keys),
      JS_CFUNC_DEF("readWords", 2, read_words),
      JS_CFUNC_DEF("parseWords", 1, parse_words),
      JS_CFUNC_DEF("formatWords", 1, format_words),
      JS_CFUNC_DEF("compareWords", 2, compare_words),
      JS_CFUNC_DEF("wordsBeside", 2, words_beside),
      JS_CFUNC_DEF("withHostBits", 3, with_host_bits),
  };
  JSValue native = JS_NewObject(ctx);
  if (JS_IsException(native)) return -1;
  JS_SetPropertyFunctionList(ctx, native, functions, countof(functions));
  return JS_SetPropertyStr(ctx, global, "__cnikit_native", native);
}
