
/*
 * This file is no unit of its own: src/engine-changes.ts puts it at the end of quickjs.c, whose insides it needs.
 *
 * Makes everything that is reachable from a finished context immortal, see there. Strings that are no atoms are left
 * out, they are few and nobody lists them; so are shapes that are not shared, which the engine changes in place and
 * therefore insists on a count of one for.
 */
void JS_MakeImmortal(JSRuntime *rt);

void JS_MakeImmortal(JSRuntime *rt) {
  struct list_head *el;
  list_for_each(el, &rt->gc_obj_list) {
    JSGCObjectHeader *object = list_entry(el, JSGCObjectHeader, link);
    if (object->gc_obj_type == JS_GC_OBJ_TYPE_SHAPE && !((JSShape *)object)->is_hashed) continue;
    object->ref_count += 2 * IMMORTAL;
  }
  /* Free slots are taken from the table's end, where they lie together, and not from all of its pages. */
  rt->atom_free_index = 0;
  for (int i = 1; i < rt->atom_size; i++) {
    JSAtomStruct *atom = rt->atom_array[i];
    if (!atom_is_free(atom)) {
      atom->header.ref_count += 2 * IMMORTAL;
    } else {
      rt->atom_array[i] = atom_set_free(rt->atom_free_index);
      rt->atom_free_index = i;
    }
  }
}
